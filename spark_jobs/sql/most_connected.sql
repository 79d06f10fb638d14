-- step principals 40 reading the credits
SELECT title, person FROM principals

-- step teams 8 counting the people of each title
-- Someone listed twice on a title is counted twice: the bounds stay upper bounds.
SELECT title, count(*) AS size FROM principals GROUP BY title

-- step sizes 1 counting the people of each title
SELECT size, count(*) AS titles FROM teams GROUP BY size ORDER BY size DESC

-- step wide 1 counting the people of each title
SELECT title, size FROM teams WHERE size > {narrow_size}

-- step bounds 24 computing upper bounds of co-workers
-- Nobody has more co-workers than the sum of (size - 1) over their titles. Only wide titles count with their own size, all
-- others with the largest size among them, so that the join is with a table that fits in memory.
SELECT principals.person, sum(coalesce(wide.size, {narrow_size}) - 1) AS bound
FROM principals
LEFT JOIN wide ON wide.title = principals.title
GROUP BY principals.person

-- step candidates 1 choosing the candidates
SELECT person FROM bounds WHERE person IS NOT NULL ORDER BY bound DESC, person LIMIT {candidates}

-- step candidate_titles 2 counting the candidates' co-workers
SELECT principals.title, principals.person
FROM principals
JOIN candidates ON candidates.person = principals.person

-- step candidate_counts 12 counting the candidates' co-workers
SELECT mine.person, count(DISTINCT principals.person) AS coworkers
FROM principals
JOIN candidate_titles AS mine ON mine.title = principals.title AND mine.person <> principals.person
GROUP BY mine.person
ORDER BY coworkers DESC, mine.person
LIMIT {limit}

-- step remaining 1 choosing the remaining candidates
SELECT bounds.person
FROM bounds
WHERE bounds.bound >= {floor} AND NOT EXISTS (SELECT 1 FROM candidates WHERE candidates.person = bounds.person)

-- step remaining_titles 1 counting the remaining candidates' co-workers
SELECT principals.title, principals.person FROM principals JOIN remaining ON remaining.person = principals.person

-- step remaining_counts 5 counting the remaining candidates' co-workers
SELECT mine.person, count(DISTINCT principals.person) AS coworkers
FROM principals
JOIN remaining_titles AS mine ON mine.title = principals.title AND mine.person <> principals.person
GROUP BY mine.person
ORDER BY coworkers DESC, mine.person
LIMIT {limit}

-- step everyone 55 counting everyone's co-workers
-- Compares all pairs, to check the result of the bounds.
SELECT person, count(*) AS coworkers
FROM (
    SELECT DISTINCT a.person AS person, b.person AS coworker
    FROM principals AS a
    JOIN principals AS b ON b.title = a.title AND b.person <> a.person
) AS pairs
GROUP BY person
ORDER BY coworkers DESC, person
LIMIT {limit}

-- step edges 90 writing the edges of the graph
SELECT DISTINCT a.person AS low, b.person AS high
FROM principals AS a
JOIN principals AS b ON b.title = a.title AND b.person > a.person

-- step degrees 90 counting the edges of the graph
-- GraphX computes this step.
