-- From version 4 to 5, in the end: facts of a settlement, and a bet's validity, are never changed.
-- Never changed after its release.

DROP TRIGGER bets_stay;
CREATE TRIGGER bets_stay
BEFORE UPDATE OF id, rowid, oid, _rowid_, uuid, pool_id, user_id, position, amount, placed_at, after_journal_id ON bets
BEGIN
    SELECT raise(ABORT, 'of a bet only its validity changes');
END;
CREATE TRIGGER bets_are_invalidated_once BEFORE UPDATE OF invalidated_by ON bets
WHEN old.invalidated_by IS NOT NULL OR new.invalidated_by IS NULL BEGIN
    SELECT raise(ABORT, 'a bet is invalidated once');
END;

-- Payouts follow from these facts, so they stay as they were when the settlement came into force.
CREATE TRIGGER settlements_stay
BEFORE UPDATE OF id, rowid, oid, _rowid_, pool_id, event_id, cause, position, takeout, settled_at, newest_bet_id
ON settlements BEGIN
    SELECT raise(ABORT, 'a settlement is never changed');
END;
CREATE TRIGGER settlements_are_taken_back_once BEFORE UPDATE OF taken_back_at ON settlements
WHEN old.taken_back_at IS NOT NULL OR new.taken_back_at IS NULL BEGIN
    SELECT raise(ABORT, 'a settlement is taken back once');
END;
CREATE TRIGGER settlements_remain BEFORE DELETE ON settlements BEGIN
    SELECT raise(ABORT, 'settlements are never deleted');
END;
CREATE TRIGGER settlements_are_new BEFORE INSERT ON settlements
WHEN new.id > 0 AND EXISTS (SELECT 1 FROM settlements WHERE id = new.id) BEGIN
    SELECT raise(ABORT, 'settlements are never replaced');
END;
CREATE TRIGGER divisions_stay BEFORE UPDATE ON divisions BEGIN
    SELECT raise(ABORT, 'a division is never changed');
END;
CREATE TRIGGER divisions_remain BEFORE DELETE ON divisions BEGIN
    SELECT raise(ABORT, 'divisions are never deleted');
END;
CREATE TRIGGER divisions_are_new BEFORE INSERT ON divisions
WHEN EXISTS (
    SELECT 1 FROM settlements AS s JOIN pools ON pools.id = s.pool_id
    WHERE s.id = new.settlement_id AND (pools.settlement_id = s.id OR s.taken_back_at IS NOT NULL)
) OR EXISTS (SELECT 1 FROM divisions WHERE settlement_id = new.settlement_id AND position = new.position) BEGIN
    SELECT raise(ABORT, 'divisions are never added later or replaced');
END;
