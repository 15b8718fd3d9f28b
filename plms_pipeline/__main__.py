"""``python -m plms_pipeline`` is ``plms``."""

from plms_pipeline.cli import main

if __name__ == "__main__":
    main()
