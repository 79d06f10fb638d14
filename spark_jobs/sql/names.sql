-- step names 12 looking up names
SELECT person, max(name) AS name
FROM names
WHERE person IN ({people})
GROUP BY person
