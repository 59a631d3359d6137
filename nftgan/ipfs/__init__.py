"""CIDs, UnixFS, CAR, stores and gateway: content is named before it leaves and proven after."""

from nftgan.ipfs.importer import cid_of_bytes, cid_of_path

__all__ = ["cid_of_bytes", "cid_of_path"]
