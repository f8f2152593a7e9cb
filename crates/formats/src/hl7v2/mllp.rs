//! MLLP: the frame around HL7 v2 messages on a connection, `<VT> message <FS> <CR>`. Pure: bytes in, frames out, no sockets.
//!
//! Real senders forget the CR, forget the FS, and write white space or worse between frames. All of that is taken, counted and
//! never loses a message that has a beginning. The frames found do not depend on how the bytes were cut into packets.

/// Begins a frame (VT).
pub const START: u8 = 0x0B;
/// Ends a frame (FS); a CR should follow.
pub const END: u8 = 0x1C;
/// The largest message of a frame, in bytes: a report with scanned pages in Base64 comes to a few mebibytes; sixteen leave room
/// and keep the memory of a connection bounded.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What is kept of a message that is larger, in bytes: enough to find its header and refuse it by its number.
pub const HEAD_BYTES: usize = 4096;

/// How a frame ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With FS, as it should.
    Whole,
    /// The next frame began, or the connection ended, without FS.
    Unfinished,
    /// It was larger than the limit; only its first [`HEAD_BYTES`] are here.
    TooLong,
}

/// What a connection sent between VT and FS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The message.
    pub bytes: Vec<u8>,
    /// How it ended.
    pub ending: Ending,
}

/// What was seen on a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames given out.
    pub frames: u64,
    /// Bytes outside of frames, other than line ends and spaces.
    pub skipped_bytes: u64,
    /// Frames without FS.
    pub unfinished: u64,
    /// Frames whose FS was not followed by CR.
    pub without_return: u64,
    /// Frames over the limit.
    pub too_long: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside of frames.
    Between,
    /// Behind an FS: the CR is expected.
    AfterEnd,
    /// Inside a frame.
    Inside,
}

/// Finds frames in a stream of bytes that comes in pieces.
#[derive(Debug)]
pub struct Decoder {
    limit_bytes: usize,
    state: State,
    buffer: Vec<u8>,
    /// Bytes of the frame so far, of which `buffer` holds the beginning only once there are too many.
    length_bytes: usize,
    counts: Counts,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(FRAME_BYTES_MAX)
    }
}

impl Decoder {
    /// A decoder for messages of at most so many bytes.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, state: State::Between, buffer: Vec::new(), length_bytes: 0, counts: Counts::default() }
    }

    /// Takes bytes up to the end of a frame. Gives how many it took, and the frame when one ended; call again with the rest
    /// until everything is taken.
    pub fn take(&mut self, bytes: &[u8]) -> (usize, Option<Frame>) {
        let mut taken = 0;
        while taken < bytes.len() {
            let byte = bytes[taken];
            match self.state {
                State::Inside => {
                    let rest = &bytes[taken..];
                    let length = rest.iter().position(|byte| matches!(*byte, START | END)).unwrap_or(rest.len());
                    self.append(&rest[..length]);
                    taken += length;
                    let Some(mark) = rest.get(length) else { break };
                    taken += 1;
                    if *mark == END {
                        self.state = State::AfterEnd;
                        return (taken, self.frame(Ending::Whole));
                    }
                    // A beginning inside a frame: the FS before it was forgotten.
                    if let Some(frame) = self.frame(Ending::Unfinished) {
                        return (taken, Some(frame));
                    }
                }
                State::AfterEnd => {
                    if byte == b'\r' {
                        taken += 1;
                    } else {
                        self.counts.without_return += 1;
                    }
                    self.state = State::Between;
                }
                State::Between => {
                    taken += 1;
                    if byte == START {
                        self.state = State::Inside;
                    } else if !byte.is_ascii_whitespace() && byte != END && byte != 0 {
                        self.counts.skipped_bytes += 1;
                    }
                }
            }
        }
        (taken, None)
    }

    /// The connection has ended: what is left of a frame that never ended.
    pub fn finish(&mut self) -> Option<Frame> {
        let state = std::mem::replace(&mut self.state, State::Between);
        match state {
            State::Inside => self.frame(Ending::Unfinished),
            State::AfterEnd => {
                self.counts.without_return += 1;
                None
            }
            State::Between => None,
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many bytes are held for a frame that has not ended.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.buffer.len()
    }

    fn append(&mut self, bytes: &[u8]) {
        self.length_bytes = self.length_bytes.saturating_add(bytes.len());
        if self.length_bytes <= self.limit_bytes {
            self.buffer.extend_from_slice(bytes);
            return;
        }
        let room = HEAD_BYTES.saturating_sub(self.buffer.len()).min(bytes.len());
        self.buffer.extend_from_slice(&bytes[..room]);
        self.buffer.truncate(HEAD_BYTES);
        // The memory of what is thrown away is given back at once.
        self.buffer.shrink_to_fit();
    }

    /// The frame that ends here; none when nothing but white space was in it and nobody ended it.
    fn frame(&mut self, ending: Ending) -> Option<Frame> {
        let bytes = std::mem::take(&mut self.buffer);
        let length = std::mem::take(&mut self.length_bytes);
        let blank = bytes.iter().all(u8::is_ascii_whitespace);
        if blank && ending == Ending::Unfinished {
            return None;
        }
        let ending = if length > self.limit_bytes { Ending::TooLong } else { ending };
        self.counts.frames += 1;
        self.counts.too_long += u64::from(ending == Ending::TooLong);
        self.counts.unfinished += u64::from(ending == Ending::Unfinished);
        Some(Frame { bytes, ending })
    }
}

/// A message in its frame.
#[must_use]
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 3);
    out.push(START);
    out.extend_from_slice(message);
    out.extend_from_slice(&[END, b'\r']);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Frame> {
        let mut out = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (taken, frame) = decoder.take(rest);
            out.extend(frame);
            rest = &rest[taken..];
        }
        out
    }

    #[test]
    fn frames_and_what_is_wrong_with_them() {
        let mut decoder = Decoder::new(10_000);
        let found =
            all(&mut decoder, b"noise\x0Bone\x1C\r\r\n \x0Btwo\x1C\x0Bthree\x0Bfour\x1C\r\x0B\x0Bfive\x1Cxy\x0Bsix");
        let texts: Vec<&str> = found.iter().map(|frame| std::str::from_utf8(&frame.bytes).unwrap()).collect();
        assert_eq!(texts, ["one", "two", "three", "four", "five"]);
        let endings: Vec<Ending> = found.iter().map(|frame| frame.ending).collect();
        use Ending::{Unfinished, Whole};
        assert_eq!(endings, [Whole, Whole, Unfinished, Whole, Whole]);
        assert_eq!(decoder.finish(), Some(Frame { bytes: b"six".to_vec(), ending: Unfinished }));
        let counts = Counts { frames: 6, skipped_bytes: 7, unfinished: 2, without_return: 2, too_long: 0 };
        assert_eq!(decoder.counts(), counts);
    }

    #[test]
    fn a_message_over_the_limit_is_named_but_not_held() {
        let mut decoder = Decoder::new(HEAD_BYTES + 10);
        let mut bytes = b"\x0BMSH|".to_vec();
        bytes.resize(3 * HEAD_BYTES, b'x');
        let (taken, none) = decoder.take(&bytes);
        assert_eq!((taken, none), (bytes.len(), None));
        assert_eq!(decoder.held_bytes(), HEAD_BYTES);
        let (_, frame) = decoder.take(b"y\x1C\r");
        let frame = frame.unwrap();
        assert_eq!((frame.ending, frame.bytes.len()), (Ending::TooLong, HEAD_BYTES));
        assert!(frame.bytes.starts_with(b"MSH|"));
        assert_eq!(all(&mut decoder, b"\x0Bok\x1C\r")[0].bytes, b"ok");
    }

    proptest! {
        #[test]
        fn packets_do_not_matter(
            bytes in proptest::collection::vec(prop_oneof![Just(START), Just(END), Just(b'\r'), Just(b'M'), any::<u8>()], 0..200),
            cuts in proptest::collection::vec(1usize..20, 1..40),
        ) {
            let mut whole = Decoder::new(30);
            let mut expected = all(&mut whole, &bytes);
            expected.extend(whole.finish());
            let mut cut = Decoder::new(30);
            let mut found = Vec::new();
            let mut rest = &bytes[..];
            for length in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (packet, more) = rest.split_at((*length).min(rest.len()));
                found.extend(all(&mut cut, packet));
                rest = more;
            }
            found.extend(cut.finish());
            prop_assert_eq!(found, expected);
            prop_assert_eq!(cut.counts(), whole.counts());
        }

        #[test]
        fn what_is_framed_is_found(messages in proptest::collection::vec("[A-Z|^~&\\\\\r病]{1,40}", 1..8)) {
            let stream: Vec<u8> = messages.iter().flat_map(|message| frame(message.as_bytes())).collect();
            let found = all(&mut Decoder::default(), &stream);
            let texts: Vec<String> = found.into_iter().map(|frame| String::from_utf8(frame.bytes).unwrap()).collect();
            prop_assert_eq!(texts, messages);
        }
    }
}
