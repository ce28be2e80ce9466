//! The transactions of application services, and what was to be known to make them.

use std::collections::HashMap;

use im2_model::{DeviceId, Millis, Reached, RoomNid, UserId, UserNid};

use crate::{Result, Snapshot, Transaction, accounts::parsed_user, devices::parsed_device, rooms::SINCE};

/// The last transaction of a service. How far the transactions have got in the stream is its follower's place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// When the service was first told something.
    pub began_ts: Millis,
    /// The number of the last transaction.
    pub number: u64,
    /// The last transaction, while it is not acknowledged: JSON.
    pub body: Option<String>,
}

impl Snapshot<'_> {
    /// The last transaction of a service; `None` if it is new.
    pub fn service_delivery(&self, service: &str) -> Result<Option<Delivery>> {
        let sql = "SELECT began_ts, number, body FROM service_deliveries WHERE service_id = ?1";
        self.row(sql, [service], |row| {
            let (began_ts, number) = (row.get::<i64>(0)? as Millis, row.get::<i64>(1)? as u64);
            Ok(Delivery { began_ts, number, body: row.get(2)? })
        })
    }

    /// How many of the users that `is_one` picks were joined to each room at a place in the stream. Rooms without any
    /// are left out.
    pub fn joined_counts(
        &self,
        reached: &Reached,
        mut is_one: impl FnMut(&UserId) -> bool,
    ) -> Result<HashMap<RoomNid, usize>> {
        let sql = "SELECT m.user_nid, u.user_id, m.room_nid, m.membership, m.position
                   FROM memberships m JOIN users u ON u.nid = m.user_nid ORDER BY m.user_nid";
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut counts = HashMap::new();
        let mut last: Option<(i64, UserId, bool)> = None;
        while let Some(row) = rows.next()? {
            let user: i64 = row.get(0)?;
            if last.as_ref().is_none_or(|(known, ..)| *known != user) {
                let user_id = parsed_user(&row, 1)?;
                let wanted = is_one(&user_id);
                last = Some((user, user_id, wanted));
            }
            let Some((_, user_id, true)) = &last else { continue };
            let (room, position) = (RoomNid(row.get(2)?), im2_model::Position::from_i64(row.get(4)?));
            let joined = if reached.includes(position) {
                row.get::<String>(3)? == "join"
            } else {
                self.membership_at(room, user_id, reached)?.as_deref() == Some("join")
            };
            if joined {
                *counts.entry(room).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// A user's membership in a room at a place in the stream.
    fn membership_at(&self, room: RoomNid, user_id: &UserId, reached: &Reached) -> Result<Option<String>> {
        let sql = format!(
            "SELECT {SINCE}, e.pdu -> 'content' ->> 'membership'
             FROM state_history h LEFT JOIN events e ON e.position = h.position
             WHERE h.room_nid = ?1 AND h.kind = 'm.room.member' AND h.state_key = ?2
             ORDER BY h.seq DESC"
        );
        let mut statement = self.prepare(&sql)?;
        let mut rows = statement.query((room.0, user_id.as_str()))?;
        while let Some(row) = rows.next()? {
            if reached.includes(im2_model::Position::from_i64(row.get(0)?)) {
                return row.get(1);
            }
        }
        Ok(None)
    }

    /// The devices of the users that `is_one` picks for which to-device messages wait.
    pub fn filled_inboxes(&self, mut is_one: impl FnMut(&UserId) -> bool) -> Result<Vec<(UserNid, DeviceId)>> {
        let sql = "SELECT DISTINCT t.user_nid, t.device_id, u.user_id
                   FROM to_device t JOIN users u ON u.nid = t.user_nid";
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            if is_one(&parsed_user(&row, 2)?) {
                found.push((UserNid(row.get(0)?), parsed_device(&row, 1)?));
            }
        }
        Ok(found)
    }
}

impl Transaction<'_> {
    /// Keeps the last transaction of a service.
    pub fn put_service_delivery(&self, service: &str, delivery: &Delivery) -> Result<()> {
        let sql = "INSERT INTO service_deliveries (service_id, began_ts, number, body) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (service_id) DO UPDATE SET number = excluded.number, body = excluded.body";
        let Delivery { began_ts, number, body } = delivery;
        self.execute(sql, (service, *began_ts as i64, *number as i64, body)).map(drop)
    }

    /// Has a service that is new be told what happens after `reached`. The follower of a service is called `prefix` and
    /// the service's id.
    pub fn begin_service(&self, service: &str, prefix: &str, (now, reached): (Millis, &Reached)) -> Result<()> {
        if self.service_delivery(service)?.is_some() {
            return Ok(());
        }
        self.put_service_delivery(service, &Delivery { began_ts: now, number: 0, body: None })?;
        self.save_follower(&format!("{prefix}{service}"), reached)
    }

    /// Forgets all services but these, and their followers' places: one that comes back is told what happens from then
    /// on.
    pub fn forget_other_services(&self, services: &[&str], prefix: &str) -> Result<()> {
        let known: Vec<String> = self.rows("SELECT service_id FROM service_deliveries", [], |row| row.get(0))?;
        for service in known.iter().filter(|known| !services.contains(&known.as_str())) {
            self.execute("DELETE FROM service_deliveries WHERE service_id = ?1", [service])?;
        }
        let followers: Vec<String> = self.rows("SELECT name FROM followers", [], |row| row.get(0))?;
        let service = |name: &str| name.strip_prefix(prefix).is_some_and(|service| !services.contains(&service));
        for name in followers.iter().filter(|name| service(name)) {
            self.execute("DELETE FROM followers WHERE name = ?1", [name])?;
        }
        Ok(())
    }
}
