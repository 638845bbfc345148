"""Small faults in the code, and whether its own tests notice them."""
