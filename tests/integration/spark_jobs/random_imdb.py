"""Small random IMDb files with the peculiarities of the real files: ties, duplicates, nulls, cut lines, and more."""

from pathlib import Path

from hypothesis import strategies as st

from spark_jobs.imdb_files import COLUMNS

Line = tuple[str, ...]
Imdb = dict[str, list[Line]]
"""The lines of each file, without the header."""

# Few values, so that they often occur together. Some ids have more than seven digits.
PEOPLE = [f"nm{number:07d}" for number in (*range(1, 9), 17_000_001, 123_456_789)]
TITLES = [f"tt{number:07d}" for number in (*range(1, 10), 39_000_001)]
NAMES = [r"\N", "Ana", "Rui", '"Weird" Al', "O'Brien", "Åsa", "None"]
CHARACTERS = [r"\N", '["Self"]', '"[""Self""]"', '"']

people = st.sampled_from(PEOPLE)
titles = st.sampled_from(TITLES)
principal = st.builds(
    lambda title, person, characters: (title, "1", person, "actor", r"\N", characters),
    titles,
    people,
    st.sampled_from(CHARACTERS),
)
basic = st.builds(
    lambda title, kind, name, year: (title, kind, name, name, "0", year, r"\N", r"\N", "Drama"),
    titles,
    st.sampled_from(["movie", "movie", "movie", "short"]),
    st.sampled_from(NAMES),
    st.sampled_from([r"\N", "1999", "2027"]),
)
rating = st.builds(
    lambda title, rating, votes: (title, rating, str(votes)),
    titles,
    st.sampled_from(["1.0", "7.4", "7.5", "7.6", "10.0"]),
    st.sampled_from([5, 9_999, 10_000, 10_001, 3_000_000]),
)
crew = st.builds(
    lambda title, directors: (title, ",".join(directors) or r"\N", r"\N"), titles, st.lists(people, max_size=3)
)
name = st.builds(lambda person, name: (person, name, r"\N", r"\N", "actor", r"\N"), people, st.sampled_from(NAMES))


def imdbs(size: int = 40) -> st.SearchStrategy[Imdb]:
    """Files of at most `size` lines; twice as many principals."""
    return st.fixed_dictionaries(
        {
            "title.basics": st.lists(basic, max_size=size, unique_by=lambda line: line[0]),
            "title.ratings": st.lists(rating, max_size=size),
            "title.crew": st.lists(crew, max_size=size),
            "title.principals": st.lists(principal, max_size=size * 2),
            "name.basics": st.lists(name, max_size=size),
        }
    )


def cut_lines() -> st.SearchStrategy[list[str]]:
    """Beginnings of lines of title.principals, to be written after the whole ones."""
    whole = principal.map("\t".join)
    return st.lists(whole.flatmap(lambda line: st.integers(1, len(line) - 1).map(lambda at: line[:at])), max_size=3)


def write(folder: Path, imdb: Imdb, after: dict[str, list[str]] | None = None, end: str = "\n") -> Path:
    """Writes the five files. `after`: raw lines to append to a file; the last one gets no line end."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, columns in COLUMNS.items():
        lines = ["\t".join(columns), *("\t".join(cells) for cells in imdb.get(file, []))]
        text = end.join(lines) + end + end.join((after or {}).get(file, []))
        (folder / f"{file}.tsv").write_bytes(text.encode())
    return folder
