//! Puts the modules of the engine together over an open store, each after those that it calls.

use std::{collections::HashMap, sync::Arc};

use im2_bus::Bus;
use im2_model::{Clock, Millis, Random, ServerName};
use im2_store::{Snapshot, Store};

use crate::{
    BlockedRooms, Core, Engine, KeyCountCache, Options, Result, UserSet,
    account_data::AccountData,
    accounts::{Accounts, Asserted},
    admin,
    appservices::{Appservices, Services},
    core::Shared,
    delayed_events::DelayedEvents,
    devices::Devices,
    e2ee::E2ee,
    ephemeral::Ephemeral,
    event_stream::EventStream,
    features::WithheldFeatures,
    filters::Filters,
    key_backup::KeyBackups,
    media::Media,
    memory::Memory,
    notifications::Notifications,
    presence::Presence,
    profile::Profiles,
    push::Pushers,
    push_rules::PushRules,
    rate_limits::{self, Limits, RateLimits},
    receipts::Receipts,
    reports::Reports,
    rooms::Rooms,
    search::Search,
    server_notices::ServerNotices,
    shutdown::Shutdown,
    signing_key,
    sliding_sync::SlidingSync,
    stream::Stream,
    sync::{AtOnce, Making, SentMembers, Sync},
    thread_subscriptions::ThreadSubscriptions,
    thread_updates::ThreadUpdates,
    to_device::ToDevice,
    turn::Turn,
    typing::{Typing, Typists},
    unread::Unread,
    user_directory::UserDirectory,
};

/// How long after a new server's first start housekeeping begins, in milliseconds: not while it is being looked at.
const FIRST_HOUSEKEEPING: Millis = 60 * 60 * 1000;

/// The whole engine.
pub(crate) async fn assemble(
    options: Options,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Engine> {
    let memory = Memory::new(options.memory);
    let core =
        open_core(options.server_name, options.services, (options.rate_limits, memory), store, clock, random).await?;
    let key = signing_key::load(&core).await?;
    let accounts = Accounts::new(core.clone(), options.accounts);
    Box::pin(accounts.make_service_users()).await?;
    let account_data = AccountData::new(core.clone());
    let rooms = Rooms::new(core.clone(), account_data.clone(), key, options.rooms);
    let push_rules = PushRules::new(core.clone());
    let sync = open_sync(core.clone(), &accounts, &push_rules, account_data, rooms.clone()).await?;
    let admin_users = open_admin_users(&accounts, &sync);
    let media = Media::new(core.clone(), options.media);
    let server_notices =
        ServerNotices::new(core.clone(), rooms.clone(), sync.account_data.clone(), options.server_notices);
    server_notices.prepare().await?;
    let reports = Reports::new(core.clone(), rooms.clone(), server_notices.clone(), options.reports);
    admin::housekeeping::schedule(&core, FIRST_HOUSEKEEPING).await?;
    let delayed_events = DelayedEvents::new(core.clone(), rooms.clone());
    delayed_events.follow_clock().await?;
    Ok(Engine {
        delayed_events,
        push_rules,
        filters: Filters::new(core.clone()),
        search: Search::new(core.clone(), rooms.clone(), sync.account_data.clone()),
        notifications: Notifications::new(core.clone(), rooms.clone(), sync.unread.clone()),
        appservices: Appservices::new(
            core.clone(),
            rooms.clone(),
            sync.receipts.clone(),
            sync.typing.clone(),
            sync.presence.clone(),
            sync.to_device.clone(),
        ),
        key_backups: KeyBackups::new(core.clone()),
        pushers: Pushers::new(core.clone(), options.push),
        turn: Turn::new(core.clone(), options.turn),
        event_stream: EventStream::new(core.clone(), rooms.clone()),
        user_directory: UserDirectory::new(core.clone(), options.user_directory),
        server_notices: Box::new(server_notices),
        reports: Box::new(reports),
        room_admin: Box::new(admin::rooms::RoomAdmin::new(core.clone(), rooms.clone())),
        media_admin: Box::new(admin::media::MediaAdmin::new(core.clone(), rooms.clone(), media.clone())),
        tasks: Box::new(admin::tasks::Tasks::new(core.clone(), rooms.clone())),
        statistics: Box::new(admin::statistics::Statistics::new(core.clone())),
        core,
        accounts,
        rooms,
        media,
        devices: admin_users.devices.clone(),
        profiles: admin_users.profiles.clone(),
        moderation: admin_users.moderation.clone(),
        rate_limits: admin_users.rate_limits.clone(),
        admin_users,
        account_data: sync.account_data.clone(),
        receipts: sync.receipts.clone(),
        thread_subscriptions: sync.thread_subscriptions.clone(),
        thread_updates: sync.thread_updates.clone(),
        typing: sync.typing.clone(),
        presence: sync.presence.clone(),
        unread: sync.unread.clone(),
        to_device: sync.to_device.clone(),
        e2ee: sync.e2ee.clone(),
        sliding_sync: SlidingSync::new(sync.clone()),
        sync,
    })
}

/// `/sync`, with the modules whose news it tells.
async fn open_sync(
    core: Core,
    accounts: &Accounts,
    push_rules: &PushRules,
    account_data: AccountData,
    rooms: Rooms,
) -> Result<Sync> {
    let receipts = Receipts::new(core.clone(), rooms.clone());
    let unread = Unread::new(core.clone(), account_data.clone(), push_rules.clone(), receipts.clone(), rooms.clone());
    let to_device = ToDevice::new(core.clone());
    Ok(Sync {
        thread_subscriptions: ThreadSubscriptions::new(core.clone(), rooms.clone()),
        thread_updates: ThreadUpdates::new(core.clone(), rooms.clone(), account_data.clone()),
        typing: Typing::new(core.clone(), rooms.clone()),
        presence: Box::pin(Presence::open(core.clone(), rooms.clone())).await?,
        e2ee: E2ee::new(core.clone(), accounts.clone(), rooms.clone(), to_device.clone()),
        sent_members: SentMembers::new(&core.memory),
        at_once: AtOnce::default(),
        making: Making::default(),
        core,
        rooms,
        account_data,
        receipts,
        unread,
        to_device,
    })
}

/// Administration of users, with the modules through which it changes them.
fn open_admin_users(accounts: &Accounts, sync: &Sync) -> admin::users::Users {
    let core = sync.core.clone();
    admin::users::Users {
        devices: Devices::new(core.clone(), accounts.clone()),
        profiles: Profiles::new(core.clone(), sync.presence.clone()),
        moderation: admin::moderation::Moderation::new(core.clone()),
        rate_limits: RateLimits::new(core.clone()),
        accounts: accounts.clone(),
        account_data: sync.account_data.clone(),
        core,
    }
}

/// What all modules stand on, with what it keeps of the store in memory.
async fn open_core(
    server_name: ServerName,
    services: Arc<Services>,
    (limits, memory): (rate_limits::Options, Memory),
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Core> {
    let stream = Arc::new(Stream::starting_at(store.opened_at(), &memory));
    let ephemeral = Arc::new(Ephemeral::starting_at(clock.now()));
    let users =
        |db: &Snapshot<'_>| Ok((db.erased_users()?, db.locked_users()?, db.suspended_users()?, db.guest_users()?));
    let (erased, locked, suspended, guests) = store.read(users).await?;
    let silenced = |db: &Snapshot<'_>| Ok((db.shadow_banned_users()?, db.withheld_features()?));
    let (shadow_banned, withheld) = store.read(silenced).await?;
    let own: HashMap<_, _> = store.read(|db| Ok(db.rate_limits()?.into_iter().collect())).await?;
    let limits = Arc::new(Limits::new(limits, Arc::clone(&clock), own));
    let blocked = Arc::new(store.read(|db| db.blocked_rooms().map(BlockedRooms::new)).await?);
    let bus = Bus::default();
    let typists = Arc::new(Typists::new(Arc::clone(&clock), Arc::clone(&ephemeral), bus.clone()));
    Ok(Core::from(Shared {
        store,
        stream,
        ephemeral,
        bus,
        typists,
        clock,
        random,
        server_name,
        erased: Arc::new(UserSet::new(erased)),
        locked: Arc::new(UserSet::new(locked)),
        session_ends: Arc::default(),
        suspended: Arc::new(UserSet::new(suspended)),
        shadow_banned: Arc::new(UserSet::new(shadow_banned)),
        withheld_features: Arc::new(WithheldFeatures::new(withheld)),
        guests: Arc::new(UserSet::new(guests)),
        services,
        asserted: Arc::new(Asserted::new(&memory)),
        key_counts: Arc::new(KeyCountCache::new(&memory)),
        memory,
        limits,
        blocked,
        shutdown: Shutdown::default(),
    }))
}
