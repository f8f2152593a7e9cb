//! HL7 v2 over MLLP: one listening port is one source of one tenant.
//!
//! A connection sends one message at a time and waits for its acknowledgement; `AA` leaves only when the message, or what was
//! set aside of it, is durable. `AE` means "send it again" (busy, disk full), `AR` "sending it again does not help" (the source
//! is switched off, the message is too large). Who may connect is a list of addresses in the registration of the source: MLLP
//! knows no passwords, so the port belongs on a protected line.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use formats::hl7v2::mllp::{Decoder, Ending, Frame, frame};
use formats::hl7v2::{Acknowledgement, Verdict, acknowledge};
use intake::{Form, Outcome, Receipt, Source};
use model::{ErrorCode, Failure, Issue, TenantId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::app::App;
use crate::inbox::{Way, deliver};

/// Connections of one source at the same time: an integration platform opens a handful, one per kind of message.
const CONNECTIONS_MAX: usize = 16;
/// How long a connection may be silent between messages. Senders connect again by themselves; a machine that was switched off
/// would hold its place for ever.
const IDLE_MAX: Duration = Duration::from_hours(1);
/// How long the next bytes of a message that has begun may take.
const PACKET_WAIT_MAX: Duration = Duration::from_mins(1);
/// How long a sender may take to read its acknowledgement.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a large message waits for its share of the memory for bodies.
const BUDGET_WAIT_MAX: Duration = Duration::from_secs(20);
/// What a connection may hold without asking for a share, in bytes: nearly every message.
const FREE_BYTES: usize = 64 * 1024;
/// Bytes read at once.
const PACKET_BYTES: usize = 16 * 1024;
/// The longest MSH-10 that HL7 2.3.1 to 2.6 allow, in characters.
const CONTROL_CHARACTERS_MAX: usize = 20;

/// Listens for every source that has a port, until the server stops and the messages in flight are answered. A port that
/// cannot be opened is said in the log and does not keep the others from working.
pub async fn listen(
    app: Arc<App>,
    sources: Vec<(TenantId, Source)>,
    allow_plain: bool,
    stopped: watch::Receiver<bool>,
) {
    let mut ports = JoinSet::new();
    for (tenant, source) in sources {
        let Some(listen) = source.listen.clone() else { continue };
        if !listen.address.ip().is_loopback() && !allow_plain {
            tracing::error!(source = %source.name, address = %listen.address,
                "this MLLP port would carry records in clear; listen on 127.0.0.1, or say --allow-plain-http if the line is protected otherwise");
            continue;
        }
        match TcpListener::bind(listen.address).await {
            Ok(listener) => {
                tracing::info!(source = %source.name, address = %listen.address, "MLLP port open");
                ports.spawn(port(Arc::clone(&app), tenant, source, listener, stopped.clone()));
            }
            Err(error) => {
                tracing::error!(source = %source.name, address = %listen.address, %error, "this MLLP port cannot be opened");
            }
        }
    }
    while ports.join_next().await.is_some() {}
}

/// One port: takes connections until the server stops, then waits for those that are at work.
async fn port(
    app: Arc<App>,
    tenant: TenantId,
    source: Source,
    listener: TcpListener,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let source = Arc::new(source);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors: others must close before anything gets better.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if !may_connect(&source, peer.ip()) {
            tracing::warn!(source = %source.name, peer = %peer.ip(), "an address that is not on the list of the source was turned away");
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(source = %source.name, peer = %peer.ip(), "more than {CONNECTIONS_MAX} connections of one source");
            continue;
        };
        let line = Line { app: Arc::clone(&app), tenant, source: Arc::clone(&source), peer };
        let stopped = stopped.clone();
        connections.spawn(async move {
            let ended = line.run(stream, stopped).await;
            if let Err(error) = ended {
                tracing::info!(source = %line.source.name, peer = %line.peer, %error, "an MLLP connection broke off");
            }
            drop(place);
        });
    }
    while connections.join_next().await.is_some() {}
}

/// Whether the registration of the source lets an address connect; without a list, the machine itself only.
fn may_connect(source: &Source, peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    match source.listen.as_ref().map(|listen| listen.allow.as_slice()) {
        None | Some([]) => peer.is_loopback(),
        Some(allowed) => allowed.iter().any(|address| address.to_canonical() == peer),
    }
}

/// One connection.
struct Line {
    app: Arc<App>,
    tenant: TenantId,
    source: Arc<Source>,
    peer: SocketAddr,
}

impl Line {
    async fn run(&self, mut stream: TcpStream, mut stopped: watch::Receiver<bool>) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut decoder = Decoder::default();
        let mut share: Option<OwnedSemaphorePermit> = None;
        let mut packet = vec![0; PACKET_BYTES];
        loop {
            let wait = if decoder.held_bytes() > 0 { PACKET_WAIT_MAX } else { IDLE_MAX };
            let read = tokio::select! {
                read = tokio::time::timeout(wait, stream.read(&mut packet)) => read.map_err(|_| io::ErrorKind::TimedOut)??,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            if read == 0 {
                break;
            }
            let mut rest = &packet[..read];
            while !rest.is_empty() {
                let (taken, found) = decoder.take(rest);
                rest = &rest[taken..];
                if let Some(found) = found {
                    let answer = self.answer(&found).await;
                    drop(share.take());
                    if let Some(answer) = answer {
                        tokio::time::timeout(ANSWER_WAIT_MAX, stream.write_all(&frame(&answer)))
                            .await
                            .map_err(|_| io::ErrorKind::TimedOut)??;
                    }
                }
            }
            self.share(decoder.held_bytes(), &mut share).await?;
        }
        self.close(&mut decoder);
        Ok(())
    }

    /// Holds as much of the memory for bodies as the message that has begun takes. While there is none, nothing more is read:
    /// the sender waits, and when it has waited too long it has to come back.
    async fn share(&self, held_bytes: usize, share: &mut Option<OwnedSemaphorePermit>) -> io::Result<()> {
        if held_bytes <= FREE_BYTES {
            return Ok(());
        }
        let held_kibibytes = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(more) = held_bytes.div_ceil(1024).checked_sub(held_kibibytes).filter(|more| *more > 0) else {
            return Ok(());
        };
        // In steps, so that a large message does not ask for every packet.
        let more = u32::try_from(more.max(FREE_BYTES / 1024)).unwrap_or(u32::MAX);
        let waiting = Arc::clone(&self.app.body_budget).acquire_many_owned(more);
        let permit = tokio::time::timeout(BUDGET_WAIT_MAX, waiting).await.map_err(|_| io::ErrorKind::OutOfMemory)?;
        let permit = permit.map_err(|_| io::ErrorKind::ConnectionAborted)?;
        match share {
            Some(share) => share.merge(permit),
            None => *share = Some(permit),
        }
        Ok(())
    }

    /// Takes a message in and makes its acknowledgement; none when the sender wants none.
    async fn answer(&self, found: &Frame) -> Option<Vec<u8>> {
        let taken = self.take(found).await;
        let (verdict, text) = match &taken {
            Ok(receipt) => (Verdict::Accepted, words(receipt)),
            Err(failure) => (verdict(failure.code), failure.code.zh().to_owned()),
        };
        let (control, issues): (String, Vec<Issue>) = match &taken {
            Ok(receipt) => {
                let issues = receipt.findings.iter().map(|finding| finding.issue.clone()).collect();
                (receipt.id.to_string(), issues)
            }
            Err(_) => (self.app.next_request_id(), Vec::new()),
        };
        // The end of the number is what differs from one message to the next.
        let skipped = control.chars().count().saturating_sub(CONTROL_CHARACTERS_MAX);
        let control: String = control.chars().skip(skipped).collect();
        let answer = Acknowledgement {
            verdict,
            text: &text,
            issues: &issues,
            control_number: &control,
            at_ms: self.app.now_ms(),
        };
        acknowledge(&found.bytes, &answer)
    }

    async fn take(&self, found: &Frame) -> Result<Receipt, Failure> {
        if found.ending == Ending::TooLong {
            return Err(Failure::new(ErrorCode::TooLarge, "a message over MLLP may have 16 MiB"));
        }
        // As it is registered now: a source that was switched off takes nothing more, though its port is still open.
        let sources = self.app.road.sources();
        let source = tokio::task::block_in_place(|| sources.get(self.tenant, &self.source.name));
        let source = source.map_err(|error| crate::caller::store_failure(&error))?;
        let source =
            source.ok_or_else(|| Failure::new(ErrorCode::Forbidden, "the source is not registered any more"))?;
        let way = Way { route: "mllp", remote: Some(self.peer.ip()), name: None, form: Some(Form::Hl7v2) };
        deliver(&self.app, self.tenant, &source, way, &found.bytes).await
    }

    /// Says what was wrong with the framing. A message that never ended is not taken: the sender got no acknowledgement and
    /// sends it again.
    fn close(&self, decoder: &mut Decoder) {
        let cut = decoder.finish().map_or(0, |frame| frame.bytes.len());
        let counts = decoder.counts();
        if cut > 0
            || counts.skipped_bytes > 0
            || counts.unfinished > 0
            || counts.without_return > 0
            || counts.too_long > 0
        {
            tracing::warn!(source = %self.source.name, peer = %self.peer, cut_bytes = cut, frames = counts.frames,
                skipped_bytes = counts.skipped_bytes, unfinished = counts.unfinished,
                without_return = counts.without_return, too_long = counts.too_long, "MLLP frames of this connection were not clean");
        }
    }
}

/// `AE` when the same message may be taken later, `AR` when it never will be.
fn verdict(code: ErrorCode) -> Verdict {
    match code {
        ErrorCode::Busy | ErrorCode::NotReady | ErrorCode::DiskFull | ErrorCode::Conflict => Verdict::Failed,
        code if code.status() >= 500 => Verdict::Failed,
        _ => Verdict::Rejected,
    }
}

/// MSA-3: what became of the message.
fn words(receipt: &Receipt) -> String {
    match receipt.outcome {
        Outcome::Accepted => "已接收".to_owned(),
        Outcome::AcceptedWithFindings => format!("已接收，有{}项问题", receipt.counts.findings),
        Outcome::PartlySetAside => format!("已接收，其中{}条记录列为问题数据", receipt.counts.set_aside),
        Outcome::SetAside => "已保存，列为问题数据，请更正后重发".to_owned(),
        Outcome::Repeated => "重复报文，此前已接收".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use intake::Listen;

    use super::*;

    #[test]
    fn who_may_connect() {
        let source = |allow: &[&str]| Source {
            name: "his".into(),
            number: 1,
            title: "his".into(),
            institution: "990121".into(),
            institutions: Vec::new(),
            account: "source-his".into(),
            is_enabled: true,
            encoding: None,
            code_map: None,
            listen: Some(Listen {
                address: "127.0.0.1:2575".parse().unwrap(),
                allow: allow.iter().map(|address| address.parse().unwrap()).collect(),
            }),
            branch: None,
            authorities: Vec::new(),
            patient_roots: Vec::new(),
            aliases: std::collections::BTreeMap::new(),
            folder: None,
        };
        let may = |allow: &[&str], peer: &str| may_connect(&source(allow), peer.parse().unwrap());
        assert!(may(&[], "127.0.0.1") && may(&[], "::1") && may(&[], "::ffff:127.0.0.1"));
        assert!(!may(&[], "10.0.0.7"));
        assert!(may(&["10.0.0.7"], "10.0.0.7") && may(&["10.0.0.7"], "::ffff:10.0.0.7"));
        assert!(!may(&["10.0.0.7"], "127.0.0.1") && !may(&["10.0.0.7"], "10.0.0.70"));
    }

    #[test]
    fn what_may_be_sent_again() {
        assert_eq!(verdict(ErrorCode::Busy), Verdict::Failed);
        assert_eq!(verdict(ErrorCode::DiskFull), Verdict::Failed);
        assert_eq!(verdict(ErrorCode::Internal), Verdict::Failed);
        assert_eq!(verdict(ErrorCode::Forbidden), Verdict::Rejected);
        assert_eq!(verdict(ErrorCode::TooLarge), Verdict::Rejected);
    }
}
