-- From version 4 to 5: what becomes of a bet follows from the settlements of its pool. Never changed after its release.
-- What older settlements divide is read from their payouts; the rules of version_5_rules.sql come after that.

-- How the bets on a winning position divide a pot: in proportion to their stakes, which sum to winning_total, rounded
-- down; one unit more have those with a fraction (a numerator over winning_total) greater than last_fraction, and of
-- those with that fraction the ones up to last_bet_id.
CREATE TABLE divisions (
    settlement_id INTEGER NOT NULL REFERENCES settlements (id),
    position INTEGER NOT NULL,
    pot INTEGER NOT NULL CHECK (pot > 0),
    winning_total INTEGER NOT NULL CHECK (winning_total > 0),
    last_fraction INTEGER NOT NULL CHECK (last_fraction BETWEEN 1 AND winning_total),
    last_bet_id INTEGER NOT NULL,
    PRIMARY KEY (settlement_id, position)
) STRICT, WITHOUT ROWID;

ALTER TABLE settlements ADD COLUMN newest_bet_id INTEGER NOT NULL DEFAULT 0;
UPDATE settlements SET newest_bet_id =
    coalesce((SELECT max(bet_id) FROM transfers WHERE settlement_id = settlements.id), 0);
ALTER TABLE settlements DROP COLUMN is_money_return;

-- A late bet was refunded last by the settlement that found it late.
ALTER TABLE bets ADD COLUMN invalidated_by INTEGER REFERENCES settlements (id);
UPDATE bets SET invalidated_by = (
    SELECT settlement_id FROM transfers WHERE bet_id = bets.id AND reason = 'refund' ORDER BY id DESC LIMIT 1
) WHERE status = 'invalidated';
ALTER TABLE bets DROP COLUMN status;
ALTER TABLE bets DROP COLUMN payout;
ALTER TABLE bets DROP COLUMN settled_at;
