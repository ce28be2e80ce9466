//! Pushers: where users want to be notified, and how far that has been done.

use im2_model::{DeviceId, Millis, Position, UserId, UserNid};

use crate::{Result, Row, Snapshot, Transaction, accounts::parsed_user};

/// The way in which a pusher's messages get to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PusherKind {
    /// Through a push gateway.
    Http,
    /// Encrypted, to the device's push service.
    WebPush,
}

impl PusherKind {
    /// The kind's name in the client-server API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::WebPush => "webpush",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Http, Self::WebPush].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A token with which the client shows that what is sent to a pusher arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// The token.
    pub token: String,
    /// When it expires.
    pub until: Millis,
}

/// A client's settings of a pusher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PusherSettings {
    /// The way in which messages get to the device.
    pub kind: PusherKind,
    /// The application, by a name like `org.example.app`.
    pub app_id: String,
    /// The key by which the gateway knows the device; for Web Push the device's public key.
    pub pushkey: String,
    /// The application's name for people.
    pub app_display_name: String,
    /// The device's name for people.
    pub device_display_name: String,
    /// The language that notifications should be in.
    pub lang: String,
    /// The set of rules of the device that is meant.
    pub profile_tag: Option<String>,
    /// The gateway, or where the push service takes messages for the device.
    pub url: String,
    /// The data that is passed on to the gateway as it is: a JSON object, without the URL.
    pub data: String,
}

/// A pusher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pusher {
    /// Its number, never used for another.
    pub nid: i64,
    /// The owner's number.
    pub user: UserNid,
    /// The owner.
    pub user_id: UserId,
    /// The client's settings.
    pub settings: PusherSettings,
    /// When that was last said.
    pub set_ts: Millis,
    /// The place after which something is still to be delivered, if it is not where the follower stands.
    pub behind: Option<Position>,
    /// The activation that the client has yet to answer before anything else is sent.
    pub activation: Option<Activation>,
}

const COLUMNS: &str = "p.nid, p.user_nid, u.user_id, p.app_id, p.pushkey, p.app_display_name, p.device_display_name,
                       p.lang, p.profile_tag, p.url, p.data, p.set_ts, p.behind, p.kind, p.ack_token, p.ack_until";

fn pusher(row: &Row<'_>) -> Result<Pusher> {
    let settings = PusherSettings {
        kind: PusherKind::parse(row.get(13)?).unwrap_or(PusherKind::Http),
        app_id: row.get(3)?,
        pushkey: row.get(4)?,
        app_display_name: row.get(5)?,
        device_display_name: row.get(6)?,
        lang: row.get(7)?,
        profile_tag: row.get(8)?,
        url: row.get(9)?,
        data: row.get(10)?,
    };
    Ok(Pusher {
        nid: row.get(0)?,
        user: UserNid(row.get(1)?),
        user_id: parsed_user(row, 2)?,
        settings,
        set_ts: row.get::<i64>(11)? as Millis,
        behind: row.get::<Option<i64>>(12)?.map(Position::from_i64),
        activation: activation(row)?,
    })
}

fn activation(row: &Row<'_>) -> Result<Option<Activation>> {
    let is_web_push = row.get::<&str>(13)? == PusherKind::WebPush.as_str();
    let Some(token) = row.get::<Option<String>>(14)?.filter(|_| is_web_push) else { return Ok(None) };
    Ok(Some(Activation { token, until: row.get::<Option<i64>>(15)?.unwrap_or_default() as Millis }))
}

impl Snapshot<'_> {
    /// A user's pushers, in the order in which they were made.
    pub fn pushers_of(&self, user: UserNid) -> Result<Vec<Pusher>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM pushers p JOIN users u ON u.nid = p.user_nid WHERE p.user_nid = ?1 ORDER BY p.nid"
        );
        self.rows(&sql, [user.0], pusher)
    }

    /// Up to `limit` pushers of all users with numbers above `after`, by number.
    pub fn pushers_after(&self, after: i64, limit: usize) -> Result<Vec<Pusher>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM pushers p JOIN users u ON u.nid = p.user_nid
             WHERE p.nid > ?1 ORDER BY p.nid LIMIT ?2"
        );
        self.rows(&sql, (after, limit as i64), pusher)
    }

    /// A pusher by its number.
    pub fn pusher(&self, nid: i64) -> Result<Option<Pusher>> {
        let sql = format!("SELECT {COLUMNS} FROM pushers p JOIN users u ON u.nid = p.user_nid WHERE p.nid = ?1");
        self.row(&sql, [nid], pusher)
    }

    /// The rooms, up to `limit` with the newest activity first, that a user is joined to and has not read to the end.
    pub fn unread_rooms(&self, user: UserNid, limit: usize) -> Result<Vec<im2_model::RoomNid>> {
        let sql = "SELECT m.room_nid FROM memberships m JOIN rooms r ON r.nid = m.room_nid
                   WHERE m.user_nid = ?1 AND m.membership = 'join' AND NOT EXISTS (
                       SELECT 1 FROM receipts p WHERE p.room_nid = m.room_nid AND p.user_nid = ?1
                         AND p.thread_id = '' AND p.event_seq >= r.head_seq)
                   ORDER BY r.last_position DESC LIMIT ?2";
        self.rows(sql, (user.0, limit as i64), |row| row.get(0).map(im2_model::RoomNid))
    }
}

impl Transaction<'_> {
    /// Sets a pusher, new or with other settings. Returns its number. A new one is to be told of what comes after
    /// `now_at`. With an `activation` nothing is sent to it before that has been answered; without one it is as before.
    pub fn set_pusher(
        &self,
        user: UserNid,
        device_id: Option<&DeviceId>,
        settings: &PusherSettings,
        activation: Option<&Activation>,
        (now, now_at): (Millis, Position),
    ) -> Result<i64> {
        let sql = "INSERT INTO pushers (user_nid, device_id, app_id, pushkey, app_display_name, device_display_name,
                                        lang, profile_tag, url, data, set_ts, behind, kind, ack_token, ack_until)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
                   ON CONFLICT (user_nid, app_id, pushkey) DO UPDATE SET
                       device_id = excluded.device_id, app_display_name = excluded.app_display_name,
                       device_display_name = excluded.device_display_name, lang = excluded.lang,
                       profile_tag = excluded.profile_tag, url = excluded.url, data = excluded.data,
                       set_ts = excluded.set_ts, kind = excluded.kind,
                       ack_token = coalesce(excluded.ack_token, pushers.ack_token),
                       ack_until = coalesce(excluded.ack_until, pushers.ack_until)
                   RETURNING nid";
        let set = settings;
        let row = (
            user.0,
            device_id.map(DeviceId::as_str),
            &set.app_id,
            &set.pushkey,
            &set.app_display_name,
            &set.device_display_name,
            &set.lang,
            &set.profile_tag,
            &set.url,
            &set.data,
            now as i64,
            now_at.to_i64(),
            set.kind.as_str(),
            activation.map(|activation| &activation.token),
            activation.map(|activation| activation.until as i64),
        );
        let nid = self.row(sql, row, |row| row.get(0))?;
        nid.ok_or_else(|| crate::Error::Corrupt("a pusher was not stored".into()))
    }

    /// Notes that the client has answered for a pusher.
    pub fn activate_pusher(&self, nid: i64) -> Result<()> {
        self.execute("UPDATE pushers SET ack_token = NULL, ack_until = NULL WHERE nid = ?1", [nid]).map(drop)
    }

    /// Removes a user's pusher, if there is one.
    pub fn remove_pusher(&self, user: UserNid, app_id: &str, pushkey: &str) -> Result<()> {
        let sql = "DELETE FROM pushers WHERE user_nid = ?1 AND app_id = ?2 AND pushkey = ?3";
        self.execute(sql, (user.0, app_id, pushkey)).map(drop)
    }

    /// Removes other users' pushers with this key: the device has changed hands.
    pub fn remove_pushers_of_others(&self, user: UserNid, app_id: &str, pushkey: &str) -> Result<()> {
        let sql = "DELETE FROM pushers WHERE app_id = ?2 AND pushkey = ?3 AND user_nid <> ?1";
        self.execute(sql, (user.0, app_id, pushkey)).map(drop)
    }

    /// Removes a pusher that its gateway rejects, unless its key has been set again since `set_ts`.
    pub fn remove_rejected_pusher(&self, nid: i64, set_ts: Millis) -> Result<()> {
        self.execute("DELETE FROM pushers WHERE nid = ?1 AND set_ts = ?2", (nid, set_ts as i64)).map(drop)
    }

    /// Removes all pushers of a user.
    pub fn remove_pushers_of(&self, user: UserNid) -> Result<()> {
        self.execute("DELETE FROM pushers WHERE user_nid = ?1", [user.0]).map(drop)
    }

    /// Notes which pushers are behind their follower's place, or have caught up since.
    pub fn save_push_progress(&self, behind: &[(i64, Option<Position>)]) -> Result<()> {
        for (nid, behind) in behind {
            let behind = behind.map(Position::to_i64);
            self.execute("UPDATE pushers SET behind = ?2 WHERE nid = ?1", (nid, behind))?;
        }
        Ok(())
    }
}
