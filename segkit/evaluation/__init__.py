"""From a network and pictures to predictions and the mIoU."""
