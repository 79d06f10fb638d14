"""IMDb's daily data files: names, columns and forms. Standard library only.

https://developer.imdb.com/non-commercial-datasets/
"""

_HEADERS = {
    "title.basics": "tconst titleType primaryTitle originalTitle isAdult startYear endYear runtimeMinutes genres",
    "title.ratings": "tconst averageRating numVotes",
    "title.crew": "tconst directors writers",
    "title.principals": "tconst ordering nconst category job characters",
    "name.basics": "nconst primaryName birthYear deathYear primaryProfession knownForTitles",
}
COLUMNS = {name: tuple(header.split()) for name, header in _HEADERS.items()}
"""The columns of each file in order. The first is the id of the line's title or person."""

FORMS = (".parquet", ".tsv", ".tsv.gz")
"""File name endings, fastest to read first. If a file exists in several forms, the first of these is read.

A folder of Parquet files counts as one file.
"""
