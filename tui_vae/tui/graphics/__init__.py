"""Pictures in the terminal: half blocks, the kitty graphics protocol, and sixels."""
