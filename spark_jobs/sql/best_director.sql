-- step rated 10 reading the ratings
-- A title listed twice counts once, with its greatest values.
SELECT title, max(rating) AS rating, max(votes) AS votes
FROM ratings
WHERE votes >= {min_votes}
GROUP BY title

-- step films 45 selecting the films
SELECT rated.title, max(basics.name) AS name, max(basics.year) AS year, rated.rating, rated.votes
FROM basics
JOIN rated ON rated.title = basics.title
WHERE basics.type = 'movie'
GROUP BY rated.title, rated.rating, rated.votes

-- step directed 20 finding their directors
SELECT DISTINCT title, CASE WHEN director LIKE 'nm%' THEN try_cast(substr(director, 3) AS INT) END AS person
FROM (
    SELECT crew.title, explode(split(crew.directors, ',')) AS director
    FROM crew
    JOIN films ON films.title = crew.title
) AS cells

-- step ranking 5 ranking the directors
-- The quotient of two exact sums is the same in both engines and for every order of rows.
SELECT directed.person, count(*) AS films, sum(films.rating) AS rating, sum(films.votes) AS votes,
    CAST(sum(films.rating) AS DOUBLE) / count(*) AS average
FROM directed
JOIN films ON films.title = directed.title
WHERE directed.person IS NOT NULL
GROUP BY directed.person
HAVING count(*) >= {min_films}
ORDER BY average DESC, films DESC, votes DESC, directed.person
LIMIT {limit}

-- step films_of_winner 2 listing the winner's films
SELECT films.title, films.name, films.year, films.rating, films.votes
FROM films
JOIN directed ON directed.title = films.title
WHERE directed.person = {winner}
ORDER BY films.rating DESC, films.votes DESC, films.title
