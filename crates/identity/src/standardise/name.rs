//! Names: decorations fall off, dots of all encodings are one, unknown glyphs match anything, and a newborn registered under
//! its mother (李红之子) has no name of its own yet.

use super::date::Date;
use crate::reading;
use crate::text::{fold, hash, mix, short};

/// Tokens kept of a name, for comparison place by place.
pub const TOKENS_MAX: usize = 6;
/// A glyph that could not be read (□, ?, a private code point): it may be any character.
pub const WILD: u16 = 0xffff;
/// Tokens from here on are syllables: the clerk typed the sound where the keyboard lacked the character.
const SYLLABLES: u16 = 0xf000;
/// Characters outside the basic plane are folded into the room that surrogates leave free.
const RARE: u16 = 0xd800;

/// What the name field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[repr(u8)]
pub enum NameKind {
    /// Nothing, or a word for nobody (无名氏, 未知).
    #[default]
    Missing = 0,
    /// Two to four characters: a surname and a given name.
    Chinese = 1,
    /// Five characters and more, or with a dot: the name of another people, in parts.
    Parts = 2,
    /// Letters that read as pinyin, in either order.
    Letters = 3,
    /// A newborn under its mother's name; the tokens and readings are the mother's.
    Newborn = 4,
    /// 婴儿, 新生儿: a newborn under no name.
    Infant = 5,
    /// Words in letters that are no pinyin: a foreign name. Its tokens stand for words, in the order of the alphabet, because one
    /// counter writes the family name first and the next one last.
    Words = 6,
}

/// A name as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Name {
    /// What it is.
    pub kind: NameKind,
    /// The first characters: a code point, a syllable, a rare character's hash or [`WILD`]; zero after the end.
    pub tokens: [u16; TOKENS_MAX],
    /// How many tokens the whole name has.
    pub length: u8,
    /// How many tokens stand before the first dot or space: the own name, behind which the father's follows; zero is not said.
    pub own_length: u8,
    /// Hashes of the readings: the usual one, and another (second reading, other order, the first three tokens of a long name).
    pub readings: [u32; 2],
    /// Hash of the characters, for frequencies; of a name of which only the surname is told it says nothing.
    pub whole: u32,
    /// The sex that the word for a newborn tells (之子, 之女).
    pub sex: u8,
    /// Which of several born together (大女, 之子2); zero is not said.
    pub birth_order: u8,
}

/// Words for nobody.
const NOBODY: &[&str] = &[
    "急诊患者",
    "急诊病人",
    "无名氏",
    "无名",
    "未知",
    "不详",
    "无",
    "测试",
    "测试患者",
    "姓名",
    "患者",
    "病人",
    "匿名",
    "无姓名",
    "佚名",
    "某某",
    "NULL",
    "NONE",
    "TEST",
    "-",
    "/",
    "未提供",
    "暂无",
    "男",
    "女",
];
/// Words for a newborn under no name.
const INFANTS: &[&str] =
    &["婴儿", "新生儿", "宝宝", "小宝", "毛毛", "小毛毛", "男婴", "女婴", "婴", "小孩", "儿童", "BABY", "NEWBORN"];

/// Reads a name.
#[must_use]
pub fn read(text: &str) -> Name {
    let folded = fold(text);
    let mut characters = ['\0'; 40];
    let length = undecorated(&folded, &mut characters);
    let characters = &characters[..length];
    if characters.is_empty() {
        return Name::default();
    }
    let joined = |part: &[char]| -> String { part.iter().collect() };
    if characters.len() <= 6 || characters[0].is_ascii() {
        let word = joined(characters).to_ascii_uppercase();
        if NOBODY.contains(&word.as_str()) {
            return Name::default();
        }
        if INFANTS.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, 'A'..='D'))) {
            return Name { kind: NameKind::Infant, ..Name::default() };
        }
    }
    newborn(characters).unwrap_or_else(|| grown(characters))
}

/// Reads a name that may end as a newborn's does (张玉婴) and is no newborn's, because who bears it is older.
#[must_use]
pub fn read_grown(text: &str) -> Name {
    let folded = fold(text);
    let mut characters = ['\0'; 40];
    let length = undecorated(&folded, &mut characters);
    grown(&characters[..length])
}

/// Does the name end in a word for a child with nothing that says whose (婴, 宝宝, 毛毛 without 之)? Names end so too.
#[must_use]
pub fn may_be_grown(text: &str) -> bool {
    let folded = fold(text);
    let name = folded.trim();
    let is_word = ["婴", "宝宝", "毛毛"].iter().any(|word| name.ends_with(word));
    is_word && !["男婴", "女婴"].iter().any(|word| name.ends_with(word)) && !name.contains(['之', '的'])
}

fn grown(characters: &[char]) -> Name {
    if characters.iter().all(|character| character.is_ascii() || is_dot(*character) || !is_ideograph(*character)) {
        return letters(characters);
    }
    ideographs(characters)
}

/// Copies the name without what clerks hang on it: brackets with their content, trailing stars and digits.
fn undecorated(folded: &str, out: &mut [char; 40]) -> usize {
    let mut length = 0;
    let mut depth = 0_u32;
    for character in folded.chars() {
        match character {
            '(' | '[' | '{' | '<' | '【' => depth += 1,
            ')' | ']' | '}' | '>' | '】' => depth = depth.saturating_sub(1),
            _ if depth > 0 || length == out.len() => {}
            _ => {
                out[length] = character;
                length += 1;
            }
        }
    }
    let is_space = |character: char| character.is_whitespace();
    while length > 0 && is_space(out[length - 1]) {
        length -= 1;
    }
    let ideographs = out[..length].iter().filter(|character| is_ideograph(**character)).count();
    // 林* hides a character that the keyboard lacks; 林伟* is a mark of the counter.
    while ideographs >= 2
        && length > 0
        && (matches!(out[length - 1], '*' | '#' | '+' | '.' | ',' | '、')
            || is_space(out[length - 1])
            || is_dot(out[length - 1]))
    {
        length -= 1;
    }
    let start = out[..length].iter().take_while(|character| is_space(**character)).count();
    out.copy_within(start..length, 0);
    length - start
}

fn is_ideograph(character: char) -> bool {
    matches!(character as u32, 0x3400..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff) || is_unknown(character)
}

/// Glyphs that stand for a character which could not be written.
fn is_unknown(character: char) -> bool {
    matches!(character, '□' | '?' | '\u{fffd}' | '■' | '〇' | '＊' | '\u{3013}')
        || matches!(character as u32, 0xe000..=0xf8ff)
}

/// 丶 is a stroke that nobody bears as a name; keyboards offer it for the dot.
fn is_dot(character: char) -> bool {
    matches!(character, '·' | '丶' | '•' | '・' | '‧' | '．' | '.' | '∙' | '⋅' | '᛫' | '\u{ff65}')
}

/// `母名之子` and its relatives: the mother's name, the sex, the order among several.
fn newborn(characters: &[char]) -> Option<Name> {
    let mut rest = characters;
    let mut birth_order = 0;
    let order_of = |character: char| match character {
        '1'..='9' => character as u8 - b'0',
        'A'..='D' => character as u8 - b'A' + 1,
        'a'..='d' => character as u8 - b'a' + 1,
        '大' | '长' | '甲' | '一' => 1,
        '二' | '次' | '小' | '乙' => 2,
        '三' | '丙' => 3,
        _ => 0,
    };
    let mut after = 0;
    while let [front @ .., last] = rest
        && (last.is_ascii_digit() || matches!(last, 'A'..='D' | 'a'..='d' | '甲' | '乙' | '丙'))
    {
        after = order_of(*last);
        rest = front;
    }
    let (front, sex) = match rest {
        [front @ .., '之', '男' | '子', '婴' | '儿'] => (with_of(front, rest), 1),
        [front @ .., '之', '女', '婴' | '儿'] => (with_of(front, rest), 2),
        [front @ .., '子' | '儿' | '男'] if is_of(front) => (front, 1),
        [front @ .., '女'] if is_of(front) => (front, 2),
        [front @ .., '男', '婴'] => (front, 1),
        [front @ .., '女', '婴'] => (front, 2),
        [front @ .., '婴', '儿'] | [front @ .., '宝', '宝'] | [front @ .., '毛', '毛'] => (front, 0),
        [front @ .., '婴'] => (front, 0),
        _ => return None,
    };
    let mut mother = front;
    if let [before @ .., order] = mother
        && matches!(order, '大' | '小' | '长' | '次' | '二' | '三' | '双')
        && matches!(before.last(), Some('之' | '的'))
    {
        birth_order = order_of(*order);
        mother = before;
    }
    if let [before @ .., '之' | '的'] = mother {
        mother = before;
    }
    let is_of_name = |character: &char| is_ideograph(*character) || is_dot(*character) || *character == '*';
    if mother.len() < 2 || !mother.iter().all(is_of_name) {
        return None;
    }
    let birth_order = if birth_order == 0 { after } else { birth_order };
    Some(Name { kind: NameKind::Newborn, sex, birth_order, ..ideographs(mother) })
}

fn with_of<'a>(front: &'a [char], whole: &'a [char]) -> &'a [char] {
    &whole[..=front.len()]
}

/// 之 or 的 stands at the end, or one character before it (之大女).
fn is_of(front: &[char]) -> bool {
    let is_word = |character: Option<&char>| matches!(character, Some('之' | '的'));
    is_word(front.last())
        || (front.len() >= 3
            && is_word(front.get(front.len() - 2))
            && matches!(front.last(), Some('大' | '小' | '长' | '次' | '二' | '三' | '双')))
}

/// Letters of a word that its token stands for: programs cut a name off behind some ten letters, and slips are commoner further back.
const WORD_FRONT: usize = 3;

/// A foreign name: `Viktor Larsen`, `LARSEN VIKTOR`, `Viktor Lar`.
fn words_of(mut words: Vec<String>) -> Name {
    words.sort_unstable();
    let whole = letters_hash(words.iter().map(String::as_str));
    let mut name = Name { kind: NameKind::Words, readings: [whole; 2], whole, ..Name::default() };
    for word in &words {
        let front: String = word.chars().take(WORD_FRONT).collect();
        push(&mut name, RARE | (hash(front.as_bytes()) & 0x7ff) as u16);
    }
    name
}

/// Letters only: `YIN MING SHAN`, `HAO Jianwen`, `Tingna Liu`, `fujingqian`.
fn letters(characters: &[char]) -> Name {
    let mut words: Vec<String> = Vec::new();
    for part in characters.split(|character| character.is_whitespace() || matches!(character, ',' | '-' | '\'')) {
        let word: String = part
            .iter()
            .filter(|character| character.is_alphabetic())
            .flat_map(|character| character.to_lowercase())
            .map(|character| if character == 'ü' { 'v' } else { character })
            .collect();
        if !word.is_empty() {
            words.push(word);
        }
    }
    if words.is_empty() {
        return Name::default();
    }
    let syllables: Vec<Option<Vec<u16>>> = words.iter().map(|word| reading::split(word)).collect();
    if syllables.iter().any(Option::is_none) {
        return words_of(words);
    }
    let count = |at: usize| syllables[at].as_ref().map_or(0, Vec::len);
    // Tingna Liu: the given name came first.
    let is_turned = words.len() == 2 && count(1) == 1 && count(0) >= 2;
    if is_turned {
        words.reverse();
    }
    let straight = letters_hash(words.iter().map(String::as_str));
    let turned = if words.len() == 2 { letters_hash(words.iter().rev().map(String::as_str)) } else { straight };
    let mut name = Name { kind: NameKind::Letters, readings: [straight, turned], whole: straight, ..Name::default() };
    let ordered: Box<dyn Iterator<Item = &Option<Vec<u16>>>> =
        if is_turned { Box::new(syllables.iter().rev()) } else { Box::new(syllables.iter()) };
    for syllable in ordered.flatten().flatten() {
        push(&mut name, SYLLABLES + syllable);
    }
    name
}

fn push(name: &mut Name, token: u16) {
    if let Some(slot) = name.tokens.get_mut(usize::from(name.length)) {
        *slot = token;
    }
    name.length = name.length.saturating_add(1);
}

fn letters_hash<'a>(words: impl Iterator<Item = &'a str>) -> u32 {
    let mut bytes = [0_u8; 96];
    let mut length = 0;
    for byte in words.flat_map(str::bytes).take(bytes.len()) {
        bytes[length] = byte;
        length += 1;
    }
    short(hash(&bytes[..length]))
}

/// Characters, possibly with dots and typed syllables between.
fn ideographs(characters: &[char]) -> Name {
    let mut name = Name { kind: NameKind::Chinese, ..Name::default() };
    let mut texts: [[&str; 2]; 16] = [[""; 2]; 16];
    let mut whole = 1_u64;
    let mut at = 0;
    let mut has_dot = false;
    let mut own_length = 0;
    while at < characters.len() {
        let character = characters[at];
        at += 1;
        if is_dot(character) || character.is_whitespace() {
            has_dot |= is_dot(character) && name.length > 0;
            own_length = if own_length == 0 { name.length } else { own_length };
            continue;
        }
        if character.is_ascii_alphabetic() {
            let from = at - 1;
            while at < characters.len() && characters[at].is_ascii_alphabetic() {
                at += 1;
            }
            let word: String = characters[from..at].iter().map(char::to_ascii_lowercase).collect();
            for number in reading::split(&word).unwrap_or_default() {
                note(&mut texts, name.length, [number, 0]);
                whole = mix(whole, u64::from(SYLLABLES + number));
                push(&mut name, SYLLABLES + number);
            }
            continue;
        }
        // 熊某: the clerk knew the surname only.
        let is_hidden = is_unknown(character) || character == '*' || (character == '某' && name.length > 0);
        if !is_hidden && !is_ideograph(character) {
            continue;
        }
        let readings = match (is_hidden, name.length) {
            (true, _) => [0, 0],
            (false, 0) => reading::of_surname(character),
            (false, _) => reading::of(character),
        };
        note(&mut texts, name.length, readings);
        let token = if is_hidden { WILD } else { token_of(character) };
        whole = mix(whole, character as u64);
        push(&mut name, token);
    }
    if name.length == 0 {
        return Name::default();
    }
    name.whole = short(whole);
    let length = usize::from(name.length).min(texts.len());
    if has_only_wild(&name) {
        // 王** is under no name that it could be looked up by.
        return name;
    }
    name.readings[0] = letters_hash(texts[..length].iter().map(|text| text[0]));
    if has_dot || length >= 5 {
        name.kind = NameKind::Parts;
        name.own_length = if own_length < name.length { own_length } else { 0 };
        name.readings[1] = letters_hash(texts[..length.min(3)].iter().map(|text| text[0]));
    } else {
        name.readings[1] = other_reading(&texts[..length]).unwrap_or(name.readings[0]);
    }
    name
}

/// Is every character of the given name hidden?
fn has_only_wild(name: &Name) -> bool {
    let length = usize::from(name.length).min(TOKENS_MAX);
    length >= 2 && name.tokens[1..length].iter().all(|token| *token == WILD)
}

fn note(texts: &mut [[&'static str; 2]; 16], at: u8, readings: reading::Readings) {
    if let Some(slot) = texts.get_mut(usize::from(at)) {
        *slot = readings.map(reading::syllable);
    }
}

/// The reading in which the first character with two readings takes its second.
fn other_reading(texts: &[[&str; 2]]) -> Option<u32> {
    let turned = texts.iter().position(|text| !text[1].is_empty())?;
    Some(letters_hash(texts.iter().enumerate().map(|(at, text)| text[usize::from(at == turned)])))
}

fn token_of(character: char) -> u16 {
    u16::try_from(character as u32).unwrap_or_else(|_| RARE | (hash(&(character as u32).to_le_bytes()) & 0x7ff) as u16)
}

/// How two tokens compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenMatch {
    /// The same character.
    Same,
    /// One of them could not be read.
    Wild,
    /// They sound alike.
    Sound,
    /// Neither.
    Different,
}

/// Compares two tokens; `is_first` says that they stand in the place of the surname.
#[must_use]
pub fn compare_tokens(left: u16, right: u16, is_first: bool) -> TokenMatch {
    if left == right {
        return if left == WILD { TokenMatch::Wild } else { TokenMatch::Same };
    }
    if left == WILD || right == WILD {
        return TokenMatch::Wild;
    }
    let (left, right) = (readings_of(left, is_first), readings_of(right, is_first));
    let is_sound = left.iter().any(|reading| *reading != 0 && right.contains(reading));
    if is_sound { TokenMatch::Sound } else { TokenMatch::Different }
}

/// The readings of a token.
#[must_use]
pub fn readings_of(token: u16, is_first: bool) -> reading::Readings {
    match token {
        0 | WILD => [0, 0],
        RARE..=0xdfff => [0, 0],
        syllable if (SYLLABLES..0xf900).contains(&syllable) => [syllable - SYLLABLES, 0],
        other => match char::from_u32(u32::from(other)) {
            Some(character) if is_first => reading::of_surname(character),
            Some(character) => reading::of(character),
            None => [0, 0],
        },
    }
}

/// Is the registration so soon after the birth that the mother's name or number may stand in for the child's?
#[must_use]
pub fn is_newborn_age(birth: Date, registered: Date) -> bool {
    /// A birth certificate and a household entry are made within weeks; a quarter is generous.
    const NEWBORN_DAYS: i64 = 100;
    match (birth.day_number(), registered.day_number()) {
        (Some(birth), Some(registered)) => (-1..=NEWBORN_DAYS).contains(&(registered - birth)),
        _ => false,
    }
}
