"""The embedded block store: a folder of blocks, with the CIDs that Kubo gives."""
