"""Serves the awsx stand-in: `python -m local.providers.awsx <engine address>`."""

import sys

from pulumi.provider import main as serve

from local.lifetime import end_with_parent
from local.providers.awsx.provider import AwsxProvider


def main() -> None:
    end_with_parent()
    serve(AwsxProvider(), sys.argv[1:])


if __name__ == "__main__":
    main()
