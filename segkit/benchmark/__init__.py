"""The table of the MobileNetV2 paper, and ablations: what is published beside what is counted and measured here."""
