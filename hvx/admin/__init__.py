"""The administration: pages for operators at /admin/, by Django's own admin (HVX_ADMIN)."""
