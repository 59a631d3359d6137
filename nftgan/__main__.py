"""`python -m nftgan` is the same as `nftgan`."""

from nftgan.cli.main import run

if __name__ == "__main__":
    run()
