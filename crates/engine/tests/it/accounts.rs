//! Accounts: registering, signing in and out, tokens, user-interactive authentication, administration.

use im2_accounts::{
    LoginRequest, NewRegistrationToken, NewSession, Options, Origin, PasswordCost, RegisterRequest, RegistrationMode,
    SharedSecretRequest, SignedIn,
    uia::{Auth, Challenge, Stage},
};
use im2_core::{Code, Error, session::Session};
use im2_engine::Engine;
use ring::hmac;

use crate::Fixture;

const PASSWORD: &str = "correct horse";

/// Open registration, and hashes that cost nothing.
pub(crate) fn test_options() -> Options {
    Options {
        registration: RegistrationMode::Open,
        shared_secret: Some("shared".into()),
        password_cost: PasswordCost { memory_kib: 8, iterations: 1 },
        ..Options::default()
    }
}

fn auth(stage: &str) -> Auth {
    Auth { kind: Some(stage.into()), ..Auth::default() }
}

fn with_password(password: &str) -> Auth {
    Auth { password: Some(password.into()), ..auth("m.login.password") }
}

fn request(name: &str) -> RegisterRequest {
    RegisterRequest {
        username: Some(name.into()),
        password: Some(PASSWORD.into()),
        auth: Some(auth("m.login.dummy")),
        ..RegisterRequest::default()
    }
}

async fn register(engine: &Engine, name: &str) -> SignedIn {
    engine.people.accounts.register(request(name)).await.unwrap().session.unwrap()
}

async fn login(engine: &Engine, user: &str, password: &str, device: NewSession) -> Result<SignedIn, Error> {
    engine
        .people
        .accounts
        .login(LoginRequest { user: user.into(), password: password.into(), device, origin: Origin::default() })
        .await
}

async fn session(engine: &Engine, signed_in: &SignedIn) -> Session {
    engine.people.accounts.authenticate(&signed_in.access_token).await.unwrap()
}

async fn is_known(engine: &Engine, access_token: &str) -> bool {
    match engine.people.accounts.authenticate(access_token).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), Some(Code::UnknownToken));
            false
        }
    }
}

fn code<T>(outcome: Result<T, Error>) -> Option<Code> {
    outcome.err().expect("a refusal").code()
}

fn challenge<T>(outcome: Result<T, Error>) -> Challenge {
    match outcome {
        Err(Error::Challenge(challenge)) => *challenge,
        Err(other) => panic!("not a challenge: {other}"),
        Ok(_) => panic!("not a challenge"),
    }
}

#[tokio::test]
async fn who_registers_is_known_by_their_token_even_after_a_restart() {
    let fixture = Fixture::new().await;
    let ana = register(&fixture.engine, "Ana").await;
    assert_eq!(ana.user_id.as_str(), "@ana:im.test");
    let before = session(&fixture.engine, &ana).await;
    assert_eq!((&before.user_id, &before.device_id, before.is_admin), (&ana.user_id, &ana.device_id, false));
    let fixture = fixture.reopen().await;
    assert_eq!(session(&fixture.engine, &ana).await, before);
    assert!(!is_known(&fixture.engine, "im2a_nonsense").await);
}

#[tokio::test]
async fn names_are_checked_before_anything_is_proved() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.engine.people.accounts;
    register(&fixture.engine, "ana").await;
    for (name, expected) in [
        ("ana", Code::UserInUse),
        ("ANA", Code::UserInUse),
        ("", Code::InvalidUsername),
        ("_bridge", Code::InvalidUsername),
        ("a b", Code::InvalidUsername),
        ("张三", Code::InvalidUsername),
        ("a:b", Code::InvalidUsername),
        (&"x".repeat(300), Code::InvalidUsername),
    ] {
        let asked = RegisterRequest { auth: None, ..request(name) };
        assert_eq!(code(accounts.register(asked).await), Some(expected), "{name}");
        assert_eq!(code(accounts.check_available(name).await), Some(expected), "{name}");
    }
    let weak = RegisterRequest { password: Some("short".into()), auth: None, ..request("ben") };
    assert_eq!(code(accounts.register(weak).await), Some(Code::WeakPassword));
    let none = RegisterRequest { password: None, ..request("ben") };
    assert_eq!(code(accounts.register(none).await), Some(Code::MissingParam));
    assert_eq!(accounts.check_available("ben").await.unwrap().as_str(), "@ben:im.test");
}

#[tokio::test]
async fn registering_needs_a_session_of_user_interactive_authentication() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.engine.people.accounts;
    let first = challenge(accounts.register(RegisterRequest::default()).await);
    assert_eq!(first.flows.iter().map(|flow| flow.stages.clone()).collect::<Vec<_>>(), [[Stage::Dummy]]);
    assert!(first.completed.is_none() && first.failure.is_none());
    let wrong = RegisterRequest { auth: Some(auth("m.login.password")), ..request("ana") };
    assert_eq!(challenge(accounts.register(wrong).await).failure.map(|(code, _)| code), Some(Code::Unrecognized));
    let right = Auth { session: Some(first.session), ..auth("m.login.dummy") };
    accounts.register(RegisterRequest { auth: Some(right), ..request("ana") }).await.unwrap();
    let drawn = RegisterRequest { username: None, inhibit_login: true, ..request("") };
    let drawn = accounts.register(drawn).await.unwrap();
    assert!(drawn.session.is_none() && drawn.user_id.localpart().len() == 10);
}

#[tokio::test]
async fn the_right_password_signs_in_and_nothing_else() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    register(engine, "ana").await;
    for name in ["ana", "Ana", "@ana:im.test"] {
        assert_eq!(
            login(engine, name, PASSWORD, NewSession::default()).await.unwrap().user_id.as_str(),
            "@ana:im.test"
        );
    }
    for (name, password) in [("ana", "wrong"), ("ana", ""), ("nobody", PASSWORD), ("@ana:else.where", PASSWORD)] {
        assert_eq!(code(login(engine, name, password, NewSession::default()).await), Some(Code::Forbidden), "{name}");
    }
}

#[tokio::test]
async fn a_device_has_one_session() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    register(engine, "ana").await;
    let on_phone = NewSession { device_id: Some("PHONE".parse().unwrap()), ..NewSession::default() };
    let first = login(engine, "ana", PASSWORD, on_phone.clone()).await.unwrap();
    assert!(is_known(engine, &first.access_token).await);
    let second = login(engine, "ana", PASSWORD, on_phone).await.unwrap();
    assert_eq!(second.device_id.as_str(), "PHONE");
    assert!(!is_known(engine, &first.access_token).await);
    assert!(is_known(engine, &second.access_token).await);
}

#[tokio::test]
async fn signing_out_ends_one_session_or_all() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    let one = register(engine, "ana").await;
    let two = login(engine, "ana", PASSWORD, NewSession::default()).await.unwrap();
    let three = login(engine, "ana", PASSWORD, NewSession::default()).await.unwrap();
    let ben = register(engine, "ben").await;
    engine.people.accounts.logout(&session(engine, &one).await).await.unwrap();
    assert!(!is_known(engine, &one.access_token).await);
    assert!(is_known(engine, &two.access_token).await);
    engine.people.accounts.logout_all(&session(engine, &two).await).await.unwrap();
    assert!(!is_known(engine, &two.access_token).await && !is_known(engine, &three.access_token).await);
    assert!(is_known(engine, &ben.access_token).await);
}

#[tokio::test]
async fn a_refresh_token_works_until_its_successor_is_used() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    register(engine, "ana").await;
    let refreshing = NewSession { refresh_token: true, ..NewSession::default() };
    let first = login(engine, "ana", PASSWORD, refreshing).await.unwrap();
    let first_refresh = first.refresh_token.clone().unwrap();
    let lost = engine.people.accounts.refresh(&first_refresh).await.unwrap();
    // The answer got lost: the client repeats itself, and what it never saw is void.
    let second = engine.people.accounts.refresh(&first_refresh).await.unwrap();
    assert!(!is_known(engine, &lost.access_token).await);
    assert!(is_known(engine, &first.access_token).await);
    assert_eq!(second.device_id, first.device_id);
    assert!(is_known(engine, &second.access_token).await);
    assert!(!is_known(engine, &first.access_token).await);
    assert_eq!(code(engine.people.accounts.refresh(&first_refresh).await), Some(Code::UnknownToken));
    // A refresh token counts as used by refreshing again, too.
    let third = engine.people.accounts.refresh(&second.refresh_token.unwrap()).await.unwrap();
    let third_refresh = third.refresh_token.unwrap();
    let fourth = engine.people.accounts.refresh(&third_refresh).await.unwrap();
    assert!(!is_known(engine, &second.access_token).await);
    assert!(is_known(engine, &third.access_token).await && is_known(engine, &fourth.access_token).await);
}

#[tokio::test]
async fn an_access_token_that_can_be_refreshed_expires_softly() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    let lasting = register(engine, "ana").await;
    assert_eq!(lasting.expires_in_ms, None);
    let refreshing = NewSession { refresh_token: true, ..NewSession::default() };
    let short = login(engine, "ana", PASSWORD, refreshing).await.unwrap();
    assert!(is_known(engine, &short.access_token).await);
    fixture.clock.advance(short.expires_in_ms.unwrap());
    let Err(Error::Refused { code, extra, .. }) = engine.people.accounts.authenticate(&short.access_token).await else {
        panic!("an expired token is refused");
    };
    assert_eq!((code, extra["soft_logout"].as_bool()), (Code::UnknownToken, Some(true)));
    let next = engine.people.accounts.refresh(&short.refresh_token.unwrap()).await.unwrap();
    assert!(is_known(engine, &next.access_token).await && is_known(engine, &lasting.access_token).await);
}

#[tokio::test]
async fn changing_the_password_takes_the_old_one_and_ends_the_other_sessions() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    let (one, ben) = (register(engine, "ana").await, register(engine, "ben").await);
    let two = login(engine, "ana", PASSWORD, NewSession::default()).await.unwrap();
    let mine = session(engine, &one).await;
    let change = |auth| engine.people.accounts.change_password(&mine, "another horse", true, auth);
    assert_eq!(challenge(change(None).await).flows[0].stages, [Stage::Password]);
    let failed = challenge(change(Some(with_password("wrong"))).await);
    assert_eq!(failed.failure.map(|(code, _)| code), Some(Code::Forbidden));
    // Somebody else's password, though right, proves nothing.
    let others = Auth { user: Some("ben".into()), ..with_password(PASSWORD) };
    assert_eq!(code(change(Some(others)).await), Some(Code::Forbidden));
    change(Some(with_password(PASSWORD))).await.unwrap();
    assert!(is_known(engine, &one.access_token).await && is_known(engine, &ben.access_token).await);
    assert!(!is_known(engine, &two.access_token).await);
    assert_eq!(code(login(engine, "ana", PASSWORD, NewSession::default()).await), Some(Code::Forbidden));
    let three = login(engine, "ana", "another horse", NewSession::default()).await.unwrap();
    engine.people.accounts.change_password(&mine, PASSWORD, false, Some(with_password("another horse"))).await.unwrap();
    assert!(is_known(engine, &three.access_token).await);
}

#[tokio::test]
async fn an_authentication_is_worth_nothing_for_another_purpose_or_user() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    let (ana, ben) = (register(engine, "ana").await, register(engine, "ben").await);
    let (ana, ben) = (session(engine, &ana).await, session(engine, &ben).await);
    let begun = challenge(engine.people.accounts.deactivate(&ana, false, None).await).session;
    let continued = || Some(Auth { session: Some(begun.clone()), ..Auth::default() });
    assert_eq!(challenge(engine.people.accounts.deactivate(&ana, false, continued()).await).session, begun);
    assert_ne!(challenge(engine.people.accounts.deactivate(&ben, false, continued()).await).session, begun);
    assert_ne!(
        challenge(engine.people.accounts.change_password(&ana, PASSWORD, true, continued()).await).session,
        begun
    );
    fixture.clock.advance(60 * 60 * 1000);
    assert_ne!(challenge(engine.people.accounts.deactivate(&ana, false, continued()).await).session, begun);
}

#[tokio::test]
async fn a_deactivated_account_is_over_and_its_name_stays_taken() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    for (name, erase, after) in [("ana", false, Code::UserDeactivated), ("ben", true, Code::Forbidden)] {
        let signed_in = register(engine, name).await;
        let mine = session(engine, &signed_in).await;
        engine.people.accounts.deactivate(&mine, erase, Some(with_password(PASSWORD))).await.unwrap();
        assert!(!is_known(engine, &signed_in.access_token).await);
        assert_eq!(code(login(engine, name, PASSWORD, NewSession::default()).await), Some(after));
        assert_eq!(code(login(engine, name, "wrong", NewSession::default()).await), Some(Code::Forbidden));
        assert_eq!(code(engine.people.accounts.check_available(name).await), Some(Code::UserInUse));
    }
}

#[tokio::test]
async fn registration_tokens_open_what_is_not_open() {
    let mut fixture = Fixture::with(|options| options.accounts.registration = RegistrationMode::Token).await;
    let accounts = &fixture.engine.people.accounts;
    let new = NewRegistrationToken { token: Some("two".into()), uses_allowed: Some(2), ..Default::default() };
    accounts.create_registration_token(new).await.unwrap();
    let ending = NewRegistrationToken {
        token: Some("ending".into()),
        expires_at: Some(im2_model::Clock::now(&*fixture.clock) + 1_000),
        ..Default::default()
    };
    accounts.create_registration_token(ending).await.unwrap();
    let with = |name: &str, token: &str| RegisterRequest {
        auth: Some(Auth { token: Some(token.into()), ..auth("m.login.registration_token") }),
        ..request(name)
    };
    assert!(accounts.is_registration_token_valid("two").await.unwrap());
    assert!(!accounts.is_registration_token_valid("three").await.unwrap());
    let wrong = challenge(accounts.register(with("ana", "three")).await);
    assert_eq!(wrong.failure.map(|(code, _)| code), Some(Code::Unauthorized));
    accounts.register(with("ana", "two")).await.unwrap();
    accounts.register(with("ben", "two")).await.unwrap();
    assert!(challenge(accounts.register(with("eve", "two")).await).failure.is_some());
    assert!(accounts.is_registration_token_valid("ending").await.unwrap());
    fixture.clock.advance(1_000);
    assert!(!accounts.is_registration_token_valid("ending").await.unwrap());
    accounts.revoke_registration_token("ending").await.unwrap();
    assert_eq!(code(accounts.revoke_registration_token("ending").await), Some(Code::NotFound));
    assert_eq!(accounts.registration_tokens("").await.unwrap().len(), 1);
    fixture = Box::pin(fixture.reopen_with(|options| options.accounts.registration = RegistrationMode::Closed)).await;
    let accounts = &fixture.engine.people.accounts;
    assert_eq!(code(accounts.register(with("eve", "two")).await), Some(Code::Forbidden));
    assert_eq!(code(accounts.is_registration_token_valid("two").await), Some(Code::Forbidden));
}

#[tokio::test]
async fn a_fresh_open_server_asks_nobody_for_a_token() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.engine.people.accounts;
    let token = accounts.first_admin_token().await.unwrap().unwrap();
    let asked = challenge(accounts.register(RegisterRequest { auth: None, ..request("ana") }).await);
    assert_eq!(asked.flows.iter().map(|flow| flow.stages.clone()).collect::<Vec<_>>(), [[Stage::Dummy]]);
    let wrong = Auth { token: Some("wrong".into()), ..auth("m.login.registration_token") };
    let asked = challenge(accounts.register(RegisterRequest { auth: Some(wrong), ..request("root") }).await);
    assert_eq!(asked.failure.map(|(code, _)| code), Some(Code::Unauthorized));
    assert_eq!(asked.flows.len(), 1, "not offered after an attempt either");
    let right = Auth { token: Some(token.token), ..auth("m.login.registration_token") };
    let root = accounts.register(RegisterRequest { auth: Some(right), ..request("root") }).await.unwrap();
    assert!(session(&fixture.engine, &root.session.unwrap()).await.is_admin);
    let ana = accounts.register(request("ana")).await.unwrap();
    assert!(!session(&fixture.engine, &ana.session.unwrap()).await.is_admin);
}

#[tokio::test]
async fn the_first_administrators_token_ends_with_the_first_administrator() {
    for way in ["command line", "promotion", "the token itself"] {
        let fixture = Fixture::new().await;
        let accounts = &fixture.engine.people.accounts;
        let token = accounts.first_admin_token().await.unwrap().unwrap();
        let with = |name: &str| RegisterRequest {
            auth: Some(Auth { token: Some(token.token.clone()), ..auth("m.login.registration_token") }),
            ..request(name)
        };
        match way {
            "command line" => drop(accounts.create_user("root", PASSWORD, true).await.unwrap()),
            "promotion" => {
                register(&fixture.engine, "root").await;
                accounts.set_admin("root", true).await.unwrap();
            }
            _ => drop(accounts.register(with("root")).await.unwrap()),
        }
        let refused = challenge(accounts.register(with("eve")).await);
        assert_eq!(refused.failure.map(|(code, _)| code), Some(Code::Unauthorized), "{way}");
        assert!(!accounts.is_registration_token_valid(&token.token).await.unwrap());
        // What an administrator makes for another one works.
        let new = NewRegistrationToken { token: Some("another".into()), grants_admin: true, ..Default::default() };
        accounts.create_registration_token(new).await.unwrap();
        accounts.set_admin("root", true).await.unwrap();
        assert!(accounts.is_registration_token_valid("another").await.unwrap());
    }
}

#[tokio::test]
async fn the_first_administrator_registers_once_whatever_the_mode() {
    for mode in [RegistrationMode::Open, RegistrationMode::Token, RegistrationMode::Closed] {
        let fixture = Fixture::with(|options| options.accounts.registration = mode).await;
        let accounts = &fixture.engine.people.accounts;
        let token = accounts.first_admin_token().await.unwrap().unwrap();
        assert_eq!(accounts.first_admin_token().await.unwrap().as_ref(), Some(&token));
        let ordinary = NewRegistrationToken { token: Some("ordinary".into()), ..Default::default() };
        accounts.create_registration_token(ordinary).await.unwrap();
        assert_eq!(accounts.is_registration_token_valid("ordinary").await.unwrap(), mode != RegistrationMode::Closed);
        let with = |name: &str| RegisterRequest {
            auth: Some(Auth { token: Some(token.token.clone()), ..auth("m.login.registration_token") }),
            ..request(name)
        };
        let root = accounts.register(with("root")).await.unwrap().session.unwrap();
        assert!(session(&fixture.engine, &root).await.is_admin);
        let again = accounts.register(with("again")).await;
        assert!(again.is_err(), "the token works once");
        assert_eq!(accounts.first_admin_token().await.unwrap(), None);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn shared_secret(nonce: String, name: &str, admin: bool) -> SharedSecretRequest {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"shared");
    let role = if admin { "admin" } else { "notadmin" };
    let mac = hmac::sign(&key, format!("{nonce}\0{name}\0pw\0{role}").as_bytes());
    SharedSecretRequest {
        nonce,
        username: name.into(),
        password: "pw".into(),
        admin,
        displayname: None,
        mac: hex(mac.as_ref()),
    }
}

#[tokio::test]
async fn who_knows_the_shared_secret_makes_accounts() {
    let fixture = Fixture::with(|options| options.accounts.registration = RegistrationMode::Closed).await;
    let accounts = &fixture.engine.people.accounts;
    let nonce = || accounts.shared_secret_nonce().unwrap();
    let root = accounts.register_with_shared_secret(shared_secret(nonce(), "Root", true)).await.unwrap();
    assert_eq!(root.user_id.as_str(), "@root:im.test");
    assert!(session(&fixture.engine, &root).await.is_admin);
    let used = nonce();
    accounts.register_with_shared_secret(shared_secret(used.clone(), "ben", false)).await.unwrap();
    let reused = accounts.register_with_shared_secret(shared_secret(used, "eve", false)).await;
    assert_eq!(code(reused), Some(Code::Unknown));
    let forged = SharedSecretRequest { admin: true, ..shared_secret(nonce(), "eve", false) };
    assert_eq!(code(accounts.register_with_shared_secret(forged).await), Some(Code::Forbidden));
    let odd = SharedSecretRequest { mac: "é".into(), ..shared_secret(nonce(), "eve", false) };
    assert_eq!(code(accounts.register_with_shared_secret(odd).await), Some(Code::Forbidden));
    let late = nonce();
    fixture.clock.advance(60_000);
    let late = accounts.register_with_shared_secret(shared_secret(late, "eve", false)).await;
    assert_eq!(code(late), Some(Code::Unknown));
}

#[tokio::test]
async fn administrators_manage_accounts() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    let ana = register(engine, "ana").await;
    assert!(!session(engine, &ana).await.is_admin);
    engine.people.accounts.set_admin("@ana:im.test", true).await.unwrap();
    assert!(session(engine, &ana).await.is_admin, "a session in memory learns of it");
    engine.people.accounts.create_user("ben", "pw", false).await.unwrap();
    engine.people.accounts.reset_password("ana", "pw").await.unwrap();
    assert!(!is_known(engine, &ana.access_token).await);
    login(engine, "ana", "pw", NewSession::default()).await.unwrap();
    engine.people.accounts.deactivate_user("ben", false).await.unwrap();
    assert_eq!(code(engine.people.accounts.reset_password("ben", "pw").await), Some(Code::UserDeactivated));
    assert_eq!(code(engine.people.accounts.set_admin("nobody", true).await), Some(Code::NotFound));
    let users = engine.people.accounts.list_users(None).await.unwrap();
    let seen: Vec<_> =
        users.iter().map(|user| (user.user_id.localpart(), user.is_admin, user.is_deactivated)).collect();
    assert_eq!(seen, [("ana", true, false), ("ben", false, true)]);
    assert_eq!(engine.people.accounts.list_users(Some(&users[0].user_id)).await.unwrap(), users[1..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_a_name_or_a_last_use_at_once_one_gets_it() {
    let fixture = Fixture::with(|options| options.accounts.registration = RegistrationMode::Token).await;
    let accounts = &fixture.engine.people.accounts;
    for (token, uses_allowed) in [("many", None), ("one", Some(1))] {
        let new = NewRegistrationToken { token: Some(token.into()), uses_allowed, ..Default::default() };
        accounts.create_registration_token(new).await.unwrap();
    }
    for (token, is_same_name) in [("many", true), ("one", false)] {
        let attempts: Vec<_> = (0..8)
            .map(|n| {
                let name = if is_same_name { "wanted".into() } else { format!("user{n}") };
                let auth = Auth { token: Some(token.into()), ..auth("m.login.registration_token") };
                let (accounts, request) = (accounts.clone(), RegisterRequest { auth: Some(auth), ..request(&name) });
                tokio::spawn(async move { accounts.register(request).await.is_ok() })
            })
            .collect();
        let mut made = 0;
        for attempt in attempts {
            made += usize::from(attempt.await.unwrap());
        }
        assert_eq!(made, 1, "{token}");
    }
    let tokens = accounts.registration_tokens("").await.unwrap();
    assert_eq!(
        tokens.iter().map(|token| (token.token.as_str(), token.uses)).collect::<Vec<_>>(),
        [("many", 1), ("one", 1)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_is_never_known_again_after_its_session_has_ended() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    register(engine, "ana").await;
    for _ in 0..50 {
        let signed_in = login(engine, "ana", PASSWORD, NewSession::default()).await.unwrap();
        let mine = session(engine, &signed_in).await;
        let asking: Vec<_> = (0..4)
            .map(|_| {
                let (accounts, token) = (engine.people.accounts.clone(), signed_in.access_token.clone());
                tokio::spawn(async move { while accounts.authenticate(&token).await.is_ok() {} })
            })
            .collect();
        engine.people.accounts.logout(&mine).await.unwrap();
        assert!(!is_known(engine, &signed_in.access_token).await);
        for task in asking {
            task.await.unwrap();
        }
        assert!(!is_known(engine, &signed_in.access_token).await);
    }
}
