//! The followers' places in the stream, and the leases of the nodes that run them.
//!
//! A lease is a row. It is taken, renewed and let go by one statement each, so it does not matter how many nodes try at
//! the same time. The times in it are those of the nodes' clocks: a node stops its work early enough before its lease
//! runs out that clocks may differ by some seconds.

use im2_model::{Millis, Reached, WriterId};

use crate::{Error, Result, Snapshot, Transaction};

impl Snapshot<'_> {
    /// How far a follower has got; `None` before the first time.
    pub fn follower_reached(&self, name: &str) -> Result<Option<Reached>> {
        let found: Option<String> =
            self.row("SELECT reached FROM followers WHERE name = ?1", [name], |row| row.get(0))?;
        let parsed = |text: String| text.parse().map_err(|_| Error::Corrupt(format!("place of {name}: {text}")));
        found.map(parsed).transpose()
    }
}

impl Transaction<'_> {
    /// Notes how far a follower has got.
    pub fn save_follower(&self, name: &str, reached: &Reached) -> Result<()> {
        let sql = "INSERT INTO followers (name, reached) VALUES (?1, ?2)
                   ON CONFLICT (name) DO UPDATE SET reached = excluded.reached";
        self.execute(sql, (name, reached.to_string())).map(drop)
    }

    /// Gives a lease to `holder`, unless another has it at the time `now`. Says whether it is `holder`'s, which it then
    /// is until `until`.
    pub fn take_lease(&self, name: &str, holder: WriterId, now: Millis, until: Millis) -> Result<bool> {
        let sql = "INSERT INTO leases (name, holder, until) VALUES (?1, ?2, ?4)
                   ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
                   WHERE holder = excluded.holder OR until <= ?3";
        Ok(self.execute(sql, (name, holder, now as i64, until as i64))? == 1)
    }

    /// Extends a lease. Says whether it is still `holder`'s: nobody may have taken it, even if it has run out.
    pub fn renew_lease(&self, name: &str, holder: WriterId, until: Millis) -> Result<bool> {
        let sql = "UPDATE leases SET until = ?3 WHERE name = ?1 AND holder = ?2";
        Ok(self.execute(sql, (name, holder, until as i64))? == 1)
    }

    /// Lets a lease go, if it is `holder`'s: another node may take it at once.
    pub fn release_lease(&self, name: &str, holder: WriterId) -> Result<()> {
        self.execute("DELETE FROM leases WHERE name = ?1 AND holder = ?2", (name, holder)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use im2_model::{Position, Reached};

    use crate::{
        Snapshot,
        migrations::{migrate, migrate_until},
        sqlite::Connection,
    };

    #[test]
    fn places_from_before_they_had_a_table_go_on() {
        let connection = Connection::in_memory();
        migrate_until(&connection, 3).unwrap();
        let before = "INSERT INTO server (name, value)
                      VALUES ('push_cursor', CAST('s0_301505_578~93~0_256001' AS BLOB));
                      INSERT INTO service_deliveries (service_id, began_ts, number, body, reached)
                      VALUES ('bridge', 5, 17, '{}', '4711_301441')";
        connection.run(before).unwrap();
        migrate(&connection).unwrap();
        let db = Snapshot { connection: &connection };
        let mut push = Reached::default();
        push.advance(Position::new(1, 4711));
        push.advance(Position::new(2, 9));
        assert_eq!(db.follower_reached("push").unwrap(), Some(push));
        let bridge = db.follower_reached("appservice/bridge").unwrap().unwrap();
        assert_eq!(bridge.to_string(), "4711_301441");
        assert_eq!(db.service_delivery("bridge").unwrap().unwrap().number, 17);
        assert_eq!(db.server_value("push_cursor").unwrap(), None);
    }

    #[test]
    fn a_place_of_one_writer_from_the_first_release_goes_on() {
        let connection = Connection::in_memory();
        migrate_until(&connection, 3).unwrap();
        let before = "INSERT INTO server (name, value) VALUES ('push_cursor', CAST('s1.128~1795' AS BLOB))";
        connection.run(before).unwrap();
        migrate(&connection).unwrap();
        let db = Snapshot { connection: &connection };
        let expected = Reached::everything_until(Position::from_i64(128));
        assert_eq!(db.follower_reached("push").unwrap(), Some(expected));
    }
}
