"""The ground floor: errors, labels and palettes, picture and label files, atomic writes."""
