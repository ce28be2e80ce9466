//! What application services have been told.

use std::collections::HashMap;

use im2_model::{DeviceId, Millis, Reached, RoomNid, UserId, UserNid};

use crate::{Error, Result, Snapshot, Transaction, accounts::parsed_user, devices::parsed_device};

/// How far a service has been told of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When the service was first told something.
    pub began_ts: Millis,
    /// The number of the last transaction.
    pub number: u64,
    /// The last transaction, while it is not acknowledged: JSON.
    pub body: Option<String>,
    /// How far in the stream the transactions have got.
    pub reached: Reached,
}

impl Snapshot<'_> {
    /// How far a service has been told; `None` if it is new.
    pub fn service_delivery(&self, service: &str) -> Result<Option<Delivery>> {
        let sql = "SELECT began_ts, number, body, reached FROM service_deliveries WHERE service_id = ?1";
        let row = self.row(sql, [service], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get::<_, String>(3)?))
        })?;
        let Some((began_ts, number, body, reached)) = row else { return Ok(None) };
        let corrupt = |_| Error::Corrupt(format!("delivery of {service}: {reached}"));
        let reached = reached.parse().map_err(corrupt)?;
        Ok(Some(Delivery { began_ts: began_ts as Millis, number: number as u64, body, reached }))
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
                let user_id = parsed_user(row, 1)?;
                let wanted = is_one(&user_id);
                last = Some((user, user_id, wanted));
            }
            let Some((_, user_id, true)) = &last else { continue };
            let (room, position) = (RoomNid(row.get(2)?), im2_model::Position::from_i64(row.get(4)?));
            let joined = if reached.includes(position) {
                row.get::<_, String>(3)? == "join"
            } else {
                self.membership_before(room, user_id, reached.of(position.writer()))?.as_deref() == Some("join")
            };
            if joined {
                *counts.entry(room).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// What a user was to a room at a position.
    fn membership_before(
        &self,
        room: RoomNid,
        user_id: &UserId,
        position: im2_model::Position,
    ) -> Result<Option<String>> {
        let sql = "SELECT json_extract(e.pdu, '$.content.membership')
                   FROM state_history h JOIN events e ON e.position = h.position
                   WHERE h.room_nid = ?1 AND h.kind = 'm.room.member' AND h.state_key = ?2 AND h.position <= ?3
                   ORDER BY h.seq DESC LIMIT 1";
        Ok(self.row(sql, (room.0, user_id.as_str(), position.to_i64()), |row| row.get(0))?.flatten())
    }

    /// The devices of the users that `is_one` picks for which to-device messages wait.
    pub fn filled_inboxes(&self, mut is_one: impl FnMut(&UserId) -> bool) -> Result<Vec<(UserNid, DeviceId)>> {
        let sql = "SELECT DISTINCT t.user_nid, t.device_id, u.user_id
                   FROM to_device t JOIN users u ON u.nid = t.user_nid";
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            if is_one(&parsed_user(row, 2)?) {
                found.push((UserNid(row.get(0)?), parsed_device(row, 1)?));
            }
        }
        Ok(found)
    }
}

impl Transaction<'_> {
    /// Keeps how far a service has been told.
    pub fn put_service_delivery(&self, service: &str, delivery: &Delivery) -> Result<()> {
        let sql = "INSERT INTO service_deliveries (service_id, began_ts, number, body, reached)
                   VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (service_id) DO UPDATE SET number = excluded.number, body = excluded.body,
                                                          reached = excluded.reached";
        let Delivery { began_ts, number, body, reached } = delivery;
        self.execute(sql, (service, *began_ts as i64, *number as i64, body, reached.to_string())).map(drop)
    }

    /// Forgets all services but these: one that comes back is told what happens from then on.
    pub fn forget_other_services(&self, services: &[&str]) -> Result<()> {
        let names = serde_json::to_string(services).map_err(|error| Error::Corrupt(error.to_string()))?;
        let sql = "DELETE FROM service_deliveries WHERE service_id NOT IN (SELECT value FROM json_each(?1))";
        self.execute(sql, [names]).map(drop)
    }
}
