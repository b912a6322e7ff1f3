"""torchvision's operators, which torch has only where torchvision is imported."""

from edgekit.errors import DeviceError, first_line

PREFIX = "torchvision::"


def register(refusal: str, path: str) -> bool:
    """Registers torchvision's operators if a message of torch, which refuses a file, says that they are missing.

    Returns:
        Whether that can help.

    Raises:
        DeviceError: they are missing, and torchvision is not there.
    """
    if PREFIX not in refusal:
        return False
    try:
        import torchvision
    except (ImportError, OSError, RuntimeError) as error:
        raise DeviceError(
            f"{path} uses operators of torchvision, which does not load here: {first_line(error)}. Install the torchvision that "
            "belongs to this torch, from the same index."
        ) from error
    return hasattr(torchvision, "ops")
