-- step newest 15 reading the marks
-- The newest {newest} items of each person. An item that is both seen and liked has the weight of a like.
SELECT person, item, weight
FROM (
    SELECT person, item, weight, row_number() OVER (PARTITION BY person ORDER BY marked_at DESC NULLS LAST, item) AS age
    FROM (
        SELECT person, item, max(weight) AS weight, max(marked_at) AS marked_at
        FROM marks
        WHERE person IS NOT NULL AND weight IS NOT NULL
        GROUP BY person, item
    ) AS items_of_person
) AS by_age
WHERE age <= {newest}

-- step items 3 numbering the items
SELECT item, CAST(row_number() OVER (ORDER BY item) - 1 AS INT) AS number FROM (SELECT DISTINCT item FROM newest) AS marked_items

-- step people 3 numbering the people
SELECT person, CAST(row_number() OVER (ORDER BY person) - 1 AS INT) AS number
FROM (SELECT DISTINCT person FROM newest) AS marking_people

-- step marked 4 numbering the marks
SELECT people.number AS person, items.number AS item, newest.weight AS weight
FROM newest
JOIN people ON people.person = newest.person
JOIN items ON items.item = newest.item

-- step pairs 75 counting the pairs
-- Pairs of items that at least {people} people have marked. One person in {hidden} is also counted separately, so that these people
-- can be hidden from a training that measures quality.
SELECT item, other, people, weight, hidden_people, hidden_weight
FROM (
    SELECT a.item AS item, b.item AS other,
        CAST(count(*) AS INT) AS people,
        CAST(sum(a.weight * b.weight) AS BIGINT) AS weight,
        CAST(sum(CASE WHEN a.person % {hidden} = 0 THEN 1 ELSE 0 END) AS INT) AS hidden_people,
        CAST(sum(CASE WHEN a.person % {hidden} = 0 THEN a.weight * b.weight ELSE 0 END) AS BIGINT) AS hidden_weight
    FROM marked AS a
    JOIN marked AS b ON b.person = a.person AND b.item > a.item
    WHERE a.item % {parts} = {part}
    GROUP BY a.item, b.item
) AS counted
WHERE people >= {people}
