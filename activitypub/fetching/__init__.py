"""Getting documents from other servers, whose addresses strangers chose."""
