-- From version 2 to 3: the schema itself refuses what would break the ledger. Never changed after its release.

-- Replacing deletes a row without its delete trigger; so it is refused where rows stay for good. Where an insert
-- gives no id, new.id is -1.
CREATE TRIGGER bets_are_new BEFORE INSERT ON bets
WHEN new.id > 0 AND EXISTS (SELECT 1 FROM bets WHERE id = new.id)
    OR EXISTS (SELECT 1 FROM bets WHERE uuid = new.uuid) BEGIN
    SELECT raise(ABORT, 'bets are never replaced');
END;
-- All names of the id: a trigger knows a column by the name the statement calls it.
CREATE TRIGGER bets_stay
BEFORE UPDATE OF id, rowid, oid, _rowid_, uuid, pool_id, user_id, position, amount, placed_at, after_journal_id ON bets
BEGIN
    SELECT raise(ABORT, 'of a bet only its outcome changes');
END;
CREATE TRIGGER bets_remain BEFORE DELETE ON bets BEGIN
    SELECT raise(ABORT, 'bets are never deleted');
END;

ALTER TABLE accounts ADD COLUMN moved_by INTEGER NOT NULL DEFAULT 0;
UPDATE accounts SET moved_by = moves.last FROM (
    SELECT account_id, max(transfer_id) AS last FROM (
        SELECT debit_id AS account_id, id AS transfer_id FROM transfers UNION ALL SELECT credit_id, id FROM transfers
    ) GROUP BY account_id
) AS moves WHERE accounts.id = moves.account_id;

DROP TRIGGER transfers_keep_balances;
DROP TRIGGER transfers_within_currency;
DROP TRIGGER accounts_begin_empty;
-- Whether a balance was moved is asked of changes(): INSERT OR IGNORE passes over a CHECK that fails.
CREATE TRIGGER transfers_keep_balances AFTER INSERT ON transfers BEGIN
    UPDATE accounts SET balance = balance - new.amount, moved_by = new.id
        WHERE id = new.debit_id AND (balance >= new.amount OR kind = 'mint' OR new.reason = 'take_back');
    SELECT raise(ABORT, 'a transfer takes what an account has') WHERE changes() = 0;
    UPDATE accounts SET balance = balance + new.amount, moved_by = new.id
        WHERE id = new.credit_id AND currency = (SELECT currency FROM accounts WHERE id = new.debit_id);
    SELECT raise(ABORT, 'a transfer gives what an account of its currency can hold') WHERE changes() = 0;
END;
CREATE TRIGGER transfers_are_new BEFORE INSERT ON transfers
WHEN new.id > 0 AND EXISTS (SELECT 1 FROM transfers WHERE id = new.id) BEGIN
    SELECT raise(ABORT, 'transfers are never replaced');
END;
CREATE TRIGGER accounts_begin_empty BEFORE INSERT ON accounts WHEN new.balance <> 0 OR new.moved_by <> 0 BEGIN
    SELECT raise(ABORT, 'an account begins empty');
END;
-- Each kind of owner has an index of its own.
CREATE TRIGGER accounts_are_new BEFORE INSERT ON accounts
WHEN EXISTS (SELECT 1 FROM accounts WHERE id = new.id)
    OR EXISTS (SELECT 1 FROM accounts WHERE user_id = new.user_id AND currency = new.currency AND kind = new.kind)
    OR EXISTS (SELECT 1 FROM accounts WHERE user_id IS NULL AND currency = new.currency AND kind = new.kind
        AND new.user_id IS NULL) BEGIN
    SELECT raise(ABORT, 'accounts are never replaced');
END;
-- Every transfer there is has already moved its accounts: only the trigger of a new one gets past this.
CREATE TRIGGER accounts_follow_transfers BEFORE UPDATE ON accounts
WHEN new.moved_by <= old.moved_by
    OR NOT EXISTS (SELECT 1 FROM transfers WHERE id = new.moved_by AND new.id IN (debit_id, credit_id)) BEGIN
    SELECT raise(ABORT, 'accounts are changed by transfers alone');
END;
-- What a settlement takes into the clearing account it pays out of it, and so does one that is taken back.
CREATE TRIGGER settlements_balance BEFORE UPDATE OF settlement_id ON pools
WHEN 0 <> (
    SELECT coalesce(sum(CASE clearing.id WHEN credit_id THEN amount WHEN debit_id THEN -amount END), 0)
    FROM accounts AS clearing CROSS JOIN transfers ON settlement_id IN (old.settlement_id, new.settlement_id)
    WHERE clearing.user_id IS NULL AND clearing.kind = 'clearing'
        AND clearing.currency = (SELECT currency FROM games WHERE id = new.game_id)
) BEGIN
    SELECT raise(ABORT, 'a settlement pays out what it took');
END;
