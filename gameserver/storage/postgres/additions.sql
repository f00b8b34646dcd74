-- What a database of several servers has besides the tables of schema.sql. A blank line separates statements.

CREATE TABLE announcements (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    node TEXT NOT NULL,
    body BYTEA NOT NULL
)

-- Who is connected to each server is nothing to survive a crash.
CREATE UNLOGGED TABLE nodes (
    id TEXT PRIMARY KEY,
    seen_at TIMESTAMPTZ NOT NULL,
    body BYTEA NOT NULL
)

-- Where this database was when a server last opened it.
CREATE TABLE place (
    identifier TEXT NOT NULL
)

-- What schema.sql's trigger of this name does for each transfer, for all transfers of a statement at once, as if they
-- were made in the order of their ids.
CREATE FUNCTION transfers_keep_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE moved_accounts BIGINT; accounts_named BIGINT;
BEGIN
    IF EXISTS (SELECT 1 FROM made JOIN accounts AS debited ON debited.id = made.debit_id
            JOIN accounts AS credited ON credited.id = made.credit_id WHERE debited.currency <> credited.currency) THEN
        RAISE integrity_constraint_violation
            USING MESSAGE = 'a transfer gives what an account of its currency can hold';
    END IF;
    -- takes: whether the transfer must find what it takes
    WITH moves AS (
        SELECT debit_id AS account_id, id, -amount AS amount, reason <> 'take_back' AS takes FROM made
        UNION ALL SELECT credit_id, id, amount, false FROM made
    ), running AS (
        SELECT account_id, id, amount, takes, sum(amount) OVER (PARTITION BY account_id ORDER BY id) AS sum FROM moves
    ), moved AS (
        SELECT account_id, max(id) AS last, sum(amount) AS sum, min(sum) FILTER (WHERE takes) AS lowest
        FROM running GROUP BY account_id
    ), kept AS (
        UPDATE accounts SET balance = balance + moved.sum, moved_by = moved.last FROM moved
        WHERE accounts.id = moved.account_id AND (kind = 'mint' OR lowest IS NULL OR balance + lowest >= 0)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM moved) INTO moved_accounts, accounts_named;
    IF moved_accounts <> accounts_named THEN
        RAISE integrity_constraint_violation USING MESSAGE = 'a transfer takes what an account has';
    END IF;
    RETURN NULL;
END $$

CREATE TRIGGER transfers_keep_balances AFTER INSERT ON transfers REFERENCING NEW TABLE AS made
FOR EACH STATEMENT EXECUTE FUNCTION transfers_keep_balances()
