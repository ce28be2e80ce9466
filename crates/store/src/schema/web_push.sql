-- Pushers without a gateway (MSC4174): their kind is 'webpush'. Until the client has answered with the token that it was
-- sent that way, nothing else is sent; NULL: it has.
ALTER TABLE pushers ADD COLUMN kind TEXT NOT NULL DEFAULT 'http';
ALTER TABLE pushers ADD COLUMN ack_token TEXT;
ALTER TABLE pushers ADD COLUMN ack_until INTEGER;           -- when the token expires
