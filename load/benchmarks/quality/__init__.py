"""How good suggestions are, measured on people's ratings."""
