"""Anime, from MyAnimeList."""
