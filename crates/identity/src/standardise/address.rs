//! Addresses: the county, the last three characters of the road or village, the house number, and the numbers behind it.
//!
//! Offices abbreviate the front of an address (山东省…, …市, nothing) and rewrite its end (3号楼2单元865室 ⇄ 3-2-865); what stays
//! is the name of the road or village and the order of the numbers.

use super::regions::Regions;
use crate::text::{fold, hash, mix, short};

/// What is kept of an address; every part is zero when unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Address {
    /// The county: a hash of its name, or its code with the top bit where the region tree knows it.
    pub county: u32,
    /// The last three characters of the road's or village's name.
    pub road: u32,
    /// The first number after the road.
    pub house: u32,
    /// All numbers after the first (building, entrance, flat).
    pub flat: u32,
}

/// Words that end the name of an area above the road.
const AREA_ENDS: [char; 6] = ['省', '市', '县', '区', '旗', '盟'];
/// Words that end the name of a township.
const TOWN_ENDS: [char; 2] = ['镇', '乡'];
/// Only the end of the road's name is compared: its front is run together with the town in short forms.
const ROAD_CHARACTERS: usize = 3;

/// Reads an address.
#[must_use]
pub fn read(text: &str, regions: &Regions) -> Address {
    let folded = fold(text);
    let mut address = Address::default();
    // The characters of the part that is being read: since the last area or town.
    let mut part = [' '; 24];
    let mut length = 0;
    let mut number: Option<u32> = None;
    let mut numbers = 0;
    let mut rest = folded.chars().filter(|character| !character.is_whitespace()).peekable();
    while let Some(character) = rest.next() {
        if let Some(digit) = character.to_digit(10) {
            if numbers == 0 && number.is_none() {
                address.road = road(&part[..length]);
            }
            number = Some(number.unwrap_or(0).wrapping_mul(10).wrapping_add(digit));
            continue;
        }
        if let Some(done) = number.take() {
            add_number(&mut address, &mut numbers, done);
        }
        if numbers > 0 {
            continue;
        }
        if length == part.len() {
            part.copy_within(1.., 0);
            length -= 1;
        }
        part[length] = character;
        length += 1;
        // 市中区 begins with a word that ends areas elsewhere; 开发区街道 is a town, not an area.
        let is_area =
            AREA_ENDS.contains(&character) && length >= 2 && !matches!(rest.peek(), Some('街' | '道' | '路' | '场'));
        if is_area {
            if matches!(character, '市' | '县' | '区' | '旗') {
                address.county = county(&part[..length], regions);
            }
            length = 0;
        } else if (TOWN_ENDS.contains(&character) && length >= 2)
            || (character == '道' && length >= 3 && part[length - 2] == '街')
        {
            length = 0;
        }
    }
    if let Some(done) = number {
        add_number(&mut address, &mut numbers, done);
    } else if numbers == 0 {
        address.road = road(&part[..length]);
    }
    if address.county == 0 && regions.is_known() {
        address.county = county_without_words(&folded, regions);
    }
    address
}

fn add_number(address: &mut Address, numbers: &mut u32, number: u32) {
    if *numbers == 0 {
        address.house = number.max(1);
    } else {
        address.flat = short(mix(u64::from(address.flat), u64::from(number)));
    }
    *numbers += 1;
}

fn text_hash(characters: &[char]) -> u32 {
    let mut buffer = [0_u8; 96];
    let mut length = 0;
    for character in characters.iter().take(24) {
        length += character.encode_utf8(&mut buffer[length..]).len();
    }
    short(hash(&buffer[..length]))
}

fn road(part: &[char]) -> u32 {
    let part = match part {
        [front @ .., '第'] => front,
        whole => whole,
    };
    if part.len() < 2 { 0 } else { text_hash(&part[part.len().saturating_sub(ROAD_CHARACTERS)..]) }
}

fn county(part: &[char], regions: &Regions) -> u32 {
    if regions.is_known() {
        let name: String = part.iter().collect();
        if let Some(code) = regions.county(&name) {
            return code | 1 << 31;
        }
    }
    text_hash(part) & !(1 << 31)
}

/// 日照莒中山路: the county stands without its last word; try the two and three characters from each place.
fn county_without_words(text: &str, regions: &Regions) -> u32 {
    let characters: Vec<char> = text.chars().take(16).collect();
    for length in [3, 2] {
        for window in characters.windows(length) {
            let name: String = window.iter().collect();
            if let Some(code) = regions.county(&name) {
                return code | 1 << 31;
            }
        }
    }
    0
}
