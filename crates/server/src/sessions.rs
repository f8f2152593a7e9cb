//! Sessions of people at a screen. They live in memory only: after a restart everybody signs in again, and no session token
//! ever lies on a disk.

use std::collections::HashMap;

use model::TenantId;
use parking_lot::Mutex;
use trust::Token;

/// A session ends after this long without a request: a screen left alone in a ward.
pub const IDLE_MS_MAX: i64 = 30 * 60 * 1000;
/// A session ends after this long in any case: one shift.
pub const LIFE_MS_MAX: i64 = 12 * 60 * 60 * 1000;
/// More sessions than this are not kept; the one idle for longest goes first.
const SESSIONS_MAX: usize = 10_000;

/// Every open session, by the digest of its token.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

struct Session {
    tenant: TenantId,
    name: String,
    opened_ms: i64,
    used_ms: i64,
}

impl Session {
    fn is_open(&self, now_ms: i64) -> bool {
        now_ms < self.used_ms.saturating_add(IDLE_MS_MAX) && now_ms < self.opened_ms.saturating_add(LIFE_MS_MAX)
    }
}

impl Sessions {
    /// Opens a session of an account and returns its token.
    pub fn open(&self, tenant: TenantId, name: &str, now_ms: i64) -> Token {
        let token = Token::generate();
        let mut sessions = self.0.lock();
        if sessions.len() >= SESSIONS_MAX {
            sessions.retain(|_, session| session.is_open(now_ms));
        }
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.used_ms).map(|(digest, _)| *digest);
            if let Some(digest) = oldest {
                sessions.remove(&digest);
            }
        }
        let session = Session { tenant, name: name.to_owned(), opened_ms: now_ms, used_ms: now_ms };
        sessions.insert(token.digest(), session);
        token
    }

    /// The account of an open session; using it keeps it open.
    pub fn account(&self, digest: &[u8; 32], now_ms: i64) -> Option<(TenantId, String)> {
        let mut sessions = self.0.lock();
        let session = sessions.get_mut(digest)?;
        if !session.is_open(now_ms) {
            sessions.remove(digest);
            return None;
        }
        session.used_ms = now_ms;
        Some((session.tenant, session.name.clone()))
    }

    /// Closes a session; whether there was one.
    pub fn close(&self, digest: &[u8; 32]) -> bool {
        self.0.lock().remove(digest).is_some()
    }

    /// How many are open or not yet cleared away.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_by_idleness_by_age_and_by_hand() {
        let sessions = Sessions::default();
        let token = sessions.open(TenantId(1), "wang", 0);
        let digest = token.digest();
        assert!(sessions.account(&digest, IDLE_MS_MAX - 1).is_some());
        assert!(sessions.account(&digest, 2 * IDLE_MS_MAX - 2).is_some(), "use keeps it open");
        assert!(sessions.account(&digest, 4 * IDLE_MS_MAX).is_none());

        let digest = sessions.open(TenantId(1), "wang", 0).digest();
        let mut now_ms = 0;
        while now_ms < LIFE_MS_MAX - IDLE_MS_MAX {
            now_ms += IDLE_MS_MAX - 1;
            assert!(sessions.account(&digest, now_ms).is_some());
        }
        assert!(sessions.account(&digest, LIFE_MS_MAX).is_none());

        let digest = sessions.open(TenantId(1), "wang", 0).digest();
        assert!(sessions.close(&digest));
        assert!(sessions.account(&digest, 1).is_none());
    }

    #[test]
    fn the_number_of_sessions_has_a_limit() {
        let sessions = Sessions::default();
        let first = sessions.open(TenantId(1), "first", 0).digest();
        for index in 1..=SESSIONS_MAX {
            sessions.open(TenantId(1), "next", i64::try_from(index).unwrap());
        }
        assert_eq!(sessions.len(), SESSIONS_MAX);
        assert!(sessions.account(&first, 1).is_none());
    }
}
