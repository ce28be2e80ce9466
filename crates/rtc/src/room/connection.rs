//! One peer connection: ICE, DTLS, SRTP and SCTP by `str0m`, which does no I/O, with its name and its timer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use str0m::bwe::Bitrate;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::net::TcpType;
use str0m::rtp::Extension;
use str0m::{Candidate, IceCreds, Rtc, RtcConfig};

use super::paths::Paths;
use crate::forward::dependency_descriptor;
use crate::options::Announced;
use crate::sdp;
use crate::transport::stun::Credentials;

/// What the bandwidth to a receiver is taken to be until it has been measured.
const FIRST_ESTIMATE: Bitrate = Bitrate::mbps(2);
/// How often loss is reported.
const STATISTICS: Duration = Duration::from_secs(2);
/// Packets that can be sent again: two seconds of a large video.
const RESEND_VIDEO: usize = 1024;
const RESEND_AUDIO: usize = 128;

/// The labels of data channels, which clients look for.
pub(crate) const RELIABLE: &str = "_reliable";
pub(crate) const LOSSY: &str = "_lossy";

/// What all connections are made with.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    pub(crate) crypto: Arc<CryptoProvider>,
    pub(crate) certificate: DtlsCert,
    pub(crate) announced: Arc<[Announced]>,
    /// Bytes that may wait in data channels.
    pub(crate) data_buffer: usize,
}

/// A peer connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) rtc: Rtc,
    /// A number that no other connection has.
    pub(crate) id: u64,
    pub(crate) paths: Paths,
    /// The names by which packets find it: the current one, and the one before a restart of ICE.
    pub(crate) names: Vec<String>,
    /// When it wants to be polled.
    pub(crate) timer: Option<Instant>,
    /// Whether there are keys, and whether the peer can be reached, so that media and data can flow.
    pub(crate) established: bool,
    pub(crate) connected: bool,
    /// The channels by which data is sent, if they are open.
    pub(crate) reliable: Option<ChannelId>,
    pub(crate) lossy: Option<ChannelId>,
    /// The credentials that `str0m` has made for the last restart of ICE, and those that are used instead; and those of
    /// a restart that is offered.
    replaced: Option<Replaced>,
    offered: Option<Replaced>,
}

/// Credentials of `str0m` and those that are used instead: its own are not made for secrets.
#[derive(Debug, Clone)]
struct Replaced {
    made: IceCreds,
    used: IceCreds,
}

impl Replaced {
    fn new(made: IceCreds) -> Self {
        Self { made, used: credentials() }
    }

    fn apply(&self, sdp: &str) -> String {
        sdp.replace(&self.made.ufrag, &self.used.ufrag).replace(&self.made.pass, &self.used.pass)
    }
}

fn token(length: usize) -> String {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    STANDARD_NO_PAD.encode(bytes)
}

/// Names and passwords that nobody guesses; the name also tells connections apart on the shared port.
fn credentials() -> IceCreds {
    IceCreds { ufrag: token(12), pass: token(18) }
}

impl Connection {
    /// A connection that answers offers, or makes them. `measured` is whether bandwidth to the peer is estimated, for
    /// connections by which media are sent.
    pub(crate) fn new(material: &Material, id: u64, measured: bool, now: Instant) -> Self {
        let credentials = credentials();
        let mut config = RtcConfig::new()
            .set_crypto_provider(material.crypto.clone())
            .set_dtls_cert(material.certificate.clone())
            .set_local_ice_credentials(credentials.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_stats_interval(Some(STATISTICS))
            .set_send_buffer_video(RESEND_VIDEO)
            .set_send_buffer_audio(RESEND_AUDIO)
            .set_sctp_max_buffered_amount(material.data_buffer)
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .enable_h264(true)
            .enable_vp9(true)
            .enable_av1(true)
            .set_extension(5, Extension::AbsoluteCaptureTime)
            .set_extension(6, Extension::PlayoutDelay)
            .set_extension(8, dependency_descriptor());
        if measured {
            config = config.enable_bwe(Some(FIRST_ESTIMATE));
        }
        let mut rtc = config.build(now);
        for announced in material.announced.iter() {
            let candidate = if announced.tcp {
                Candidate::builder().tcp().host(announced.address).tcptype(TcpType::Passive).build()
            } else {
                Candidate::host(announced.address, "udp")
            };
            if let Ok(candidate) = candidate {
                rtc.add_local_candidate(candidate);
            }
        }
        Self {
            rtc,
            id,
            paths: Paths::default(),
            names: vec![credentials.ufrag],
            timer: None,
            established: false,
            connected: false,
            reliable: None,
            lossy: None,
            replaced: None,
            offered: None,
        }
    }

    /// Declares the two data channels, for connections whose offers are made here.
    pub(crate) fn channels() -> [ChannelConfig; 2] {
        [
            ChannelConfig { label: RELIABLE.to_owned(), ..ChannelConfig::default() },
            ChannelConfig {
                label: LOSSY.to_owned(),
                ordered: false,
                reliability: Reliability::MaxRetransmits { retransmits: 0 },
                ..ChannelConfig::default()
            },
        ]
    }

    /// Answers an offer.
    pub(crate) fn answer(&mut self, sdp: &str) -> Result<String, String> {
        let offer = SdpOffer::from_sdp_string(sdp).map_err(|error| error.to_string())?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|error| error.to_string())?;
        let made = self.rtc.direct_api().local_ice_credentials();
        if !self.names.contains(&made.ufrag) {
            self.replace(Replaced::new(made));
        }
        Ok(self.written(&answer.to_sdp_string()))
    }

    /// The text of an offer of ours.
    pub(crate) fn offer(&mut self, sdp: &str) -> String {
        let current = self.rtc.direct_api().local_ice_credentials();
        let written = self.written(sdp);
        let Some(Credentials { name, password }) = sdp::credentials(&written) else { return written };
        if name == current.ufrag {
            return written;
        }
        // ICE is to begin anew; it does when the offer is answered.
        let same = self.offered.take().filter(|offered| offered.made.ufrag == name);
        let offered = same.unwrap_or_else(|| Replaced::new(IceCreds { ufrag: name, pass: password }));
        let written = offered.apply(&written);
        self.offered = Some(offered);
        written
    }

    /// Takes the answer to an offer of ours.
    pub(crate) fn answered(&mut self, pending: SdpPendingOffer, sdp: &str) -> Result<(), String> {
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(|error| error.to_string())?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| error.to_string())?;
        let made = self.rtc.direct_api().local_ice_credentials();
        if let Some(offered) = self.offered.take_if(|offered| offered.made == made) {
            self.replace(offered);
        }
        Ok(())
    }

    fn replace(&mut self, replaced: Replaced) {
        self.rtc.direct_api().set_local_ice_credentials(replaced.used.clone());
        self.replaced = Some(replaced);
    }

    /// A description as it is sent: candidates keep the name that `str0m` gave them.
    fn written(&self, sdp: &str) -> String {
        self.replaced.as_ref().map_or_else(|| sdp.to_owned(), |replaced| replaced.apply(sdp))
    }

    /// The connection's name and password.
    pub(crate) fn credentials(&mut self) -> Credentials {
        let IceCreds { ufrag, pass } = self.rtc.direct_api().local_ice_credentials();
        Credentials { name: ufrag, password: pass }
    }

    /// The same, if they are new since this was asked last: a peer that restarts ICE gets others.
    pub(crate) fn new_credentials(&mut self) -> Option<Credentials> {
        let credentials = self.credentials();
        if self.names.contains(&credentials.name) {
            return None;
        }
        self.names.push(credentials.name.clone());
        Some(credentials)
    }

    /// Takes the names that are no longer in use, but the newest and the one before.
    pub(crate) fn old_names(&mut self) -> Vec<String> {
        let old = self.names.len().saturating_sub(2);
        self.names.drain(..old).collect()
    }
}
