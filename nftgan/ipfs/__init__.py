"""CIDs, UnixFS, CAR, stores and gateway."""
