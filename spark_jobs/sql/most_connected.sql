-- step principals 40 reading who worked on what
SELECT title, person FROM principals

-- step teams 8 counting the people of each title
-- Someone listed twice on a title is counted twice: what is made of it is an upper bound all the same.
SELECT title, count(*) AS size FROM principals GROUP BY title

-- step sizes 1 counting the people of each title
SELECT size, count(*) AS titles FROM teams GROUP BY size ORDER BY size DESC

-- step wide 1 counting the people of each title
SELECT title, size FROM teams WHERE size > {typical}

-- step bounds 24 bounding everyone's co-workers
-- Nobody has more co-workers than the sum of (size - 1) over their titles. Only wide titles count with their own size, all
-- others with the largest size among them, so that the join is with a table that fits in memory.
SELECT principals.person, sum(coalesce(wide.size, {typical}) - 1) AS bound
FROM principals
LEFT JOIN wide ON wide.title = principals.title
GROUP BY principals.person

-- step first 1 choosing the most promising people
SELECT person FROM bounds WHERE person IS NOT NULL ORDER BY bound DESC, person LIMIT {first}

-- step first_titles 2 counting the co-workers of the most promising people
SELECT principals.title, principals.person FROM principals JOIN first ON first.person = principals.person

-- step first_counts 12 counting the co-workers of the most promising people
SELECT mine.person, count(DISTINCT principals.person) AS coworkers
FROM principals
JOIN first_titles AS mine ON mine.title = principals.title AND mine.person <> principals.person
GROUP BY mine.person
ORDER BY coworkers DESC, mine.person
LIMIT {places}

-- step rest 1 choosing who could still be among the best
SELECT bounds.person
FROM bounds
WHERE bounds.bound >= {floor} AND NOT EXISTS (SELECT 1 FROM first WHERE first.person = bounds.person)

-- step rest_titles 1 counting the co-workers of who could still be among the best
SELECT principals.title, principals.person FROM principals JOIN rest ON rest.person = principals.person

-- step rest_counts 5 counting the co-workers of who could still be among the best
SELECT mine.person, count(DISTINCT principals.person) AS coworkers
FROM principals
JOIN rest_titles AS mine ON mine.title = principals.title AND mine.person <> principals.person
GROUP BY mine.person
ORDER BY coworkers DESC, mine.person
LIMIT {places}

-- step everyone 55 counting everyone's co-workers
-- The way without bounds, which compares all pairs: to check the other one against.
SELECT person, count(*) AS coworkers
FROM (
    SELECT DISTINCT a.person AS person, b.person AS coworker
    FROM principals AS a
    JOIN principals AS b ON b.title = a.title AND b.person <> a.person
) AS pairs
GROUP BY person
ORDER BY coworkers DESC, person
LIMIT {places}

-- step edges 90 writing the edges of the graph
SELECT DISTINCT a.person AS low, b.person AS high
FROM principals AS a
JOIN principals AS b ON b.title = a.title AND b.person > a.person

-- step degrees 90 counting the edges of the graph
-- GraphX does this one.
