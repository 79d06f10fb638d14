"""Films, shows and shorts, from IMDb."""
