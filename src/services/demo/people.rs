//! Believable people: names from many scripts, each with the Latin spelling its username is made of.

use std::collections::HashMap;

use muster_domain::record::Attributes;

/// A small deterministic generator (SplitMix64): the same seed tells the same story on every machine.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Starts at a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.roll() % bound).unwrap_or_default()
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// True in `percent` of a hundred rolls.
    pub fn happens(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// As it is written, and as it is spelled in a username.
type Spelled = (&'static str, &'static str);

/// Names that belong together.
struct Culture {
    given: &'static [Spelled],
    family: &'static [Spelled],
    order: Order,
    locale: &'static str,
}

/// Which name is written first.
#[derive(Clone, Copy)]
enum Order {
    GivenFirst,
    FamilyFirst,
    FamilyFirstJoined,
}

#[rustfmt::skip]
const CULTURES: &[Culture] = &[
    Culture { order: Order::GivenFirst, locale: "en",
        given: &[("Ada","ada"),("Grace","grace"),("Alan","alan"),("Olivia","olivia"),("Noah","noah"),("Maya","maya"),("Theo","theo"),("Ruth","ruth"),("Owen","owen"),("Isla","isla"),("Desmond","desmond"),("Priya","priya")],
        family: &[("Lovelace","lovelace"),("Hopper","hopper"),("Okafor","okafor"),("Bennett","bennett"),("Whitfield","whitfield"),("Carver","carver"),("O’Neill","oneill"),("Marsh","marsh"),("Adeyemi","adeyemi"),("Hughes","hughes"),("Fairchild","fairchild"),("Mbeki","mbeki")] },
    Culture { order: Order::GivenFirst, locale: "de",
        given: &[("Jürgen","juergen"),("Käthe","kaethe"),("Søren","soeren"),("Åsa","asa"),("Lena","lena"),("Matthias","matthias"),("Bjørn","bjorn"),("Ingrid","ingrid")],
        family: &[("Müller","mueller"),("Großmann","grossmann"),("Ødegård","odegard"),("Lindström","lindstroem"),("Vogel","vogel"),("Schäfer","schaefer"),("Holmgren","holmgren"),("Weiß","weiss")] },
    Culture { order: Order::GivenFirst, locale: "fr",
        given: &[("Zoë","zoe"),("François","francois"),("Élodie","elodie"),("José","jose"),("Inês","ines"),("João","joao"),("Chloé","chloe"),("Martín","martin")],
        family: &[("Lefèvre","lefevre"),("García","garcia"),("Peña","pena"),("Gonçalves","goncalves"),("D’Angelo","dangelo"),("Bérenger","berenger"),("Muñoz","munoz"),("Araújo","araujo")] },
    Culture { order: Order::GivenFirst, locale: "pl",
        given: &[("Łukasz","lukasz"),("Žofie","zofie"),("Małgorzata","malgorzata"),("Štěpán","stepan"),("Réka","reka"),("İpek","ipek"),("Ștefan","stefan"),("Çağla","cagla")],
        family: &[("Wałęsa","walesa"),("Dvořák","dvorak"),("Szabó","szabo"),("Yıldız","yildiz"),("Popescu","popescu"),("Nowak","nowak"),("Čapek","capek"),("Öztürk","ozturk")] },
    Culture { order: Order::GivenFirst, locale: "uk",
        given: &[("Олена","olena"),("Дмитро","dmytro"),("Наталья","natalia"),("Иван","ivan"),("Милица","milica"),("Георги","georgi")],
        family: &[("Шевченко","shevchenko"),("Коваленко","kovalenko"),("Соколова","sokolova"),("Петровић","petrovic"),("Иванов","ivanov"),("Димитрова","dimitrova")] },
    Culture { order: Order::GivenFirst, locale: "el",
        given: &[("Μαρία","maria"),("Γιώργος","giorgos"),("Ελένη","eleni"),("Νίκος","nikos")],
        family: &[("Παπαδοπούλου","papadopoulou"),("Νικολάου","nikolaou"),("Αλεξίου","alexiou"),("Ζαφειρίου","zafeiriou")] },
    Culture { order: Order::GivenFirst, locale: "ar",
        given: &[("ليلى","layla"),("يوسف","yusuf"),("مريم","maryam"),("عمر","omar"),("زهرا","zahra")],
        family: &[("الحداد","alhaddad"),("منصور","mansour"),("خليل","khalil"),("رضایی","rezaei"),("الفارسي","alfarsi")] },
    Culture { order: Order::GivenFirst, locale: "he",
        given: &[("נועה","noa"),("דוד","david"),("תמר","tamar"),("איתן","eitan")],
        family: &[("לוי","levi"),("כהן","cohen"),("פרידמן","friedman"),("ביטון","biton")] },
    Culture { order: Order::GivenFirst, locale: "hi",
        given: &[("अनन्या","ananya"),("राहुल","rahul"),("தமிழ்செல்வி","tamilselvi"),("অমিত","amit"),("สมชาย","somchai")],
        family: &[("शर्मा","sharma"),("वर्मा","varma"),("அருணாசலம்","arunachalam"),("চৌধুরী","chowdhury"),("ใจดี","jaidee")] },
    Culture { order: Order::GivenFirst, locale: "ka",
        given: &[("ნინო","nino"),("გიორგი","giorgi"),("Անի","ani"),("Տիգրան","tigran"),("ሰላም","selam")],
        family: &[("ბერიძე","beridze"),("კაპანაძე","kapanadze"),("Սարգսյան","sargsyan"),("Պետրոսյան","petrosyan"),("ተስፋዬ","tesfaye")] },
    Culture { order: Order::FamilyFirstJoined, locale: "zh",
        given: &[("小明","xiaoming"),("美玲","meiling"),("伟","wei"),("さくら","sakura"),("健太","kenta"),("陽子","yoko")],
        family: &[("王","wang"),("李","li"),("欧阳","ouyang"),("佐藤","sato"),("田中","tanaka"),("鈴木","suzuki")] },
    Culture { order: Order::FamilyFirstJoined, locale: "ko",
        given: &[("민준","minjun"),("서연","seoyeon"),("지우","jiwoo"),("하은","haeun")],
        family: &[("김","kim"),("박","park"),("최","choi"),("남궁","namgung")] },
    Culture { order: Order::FamilyFirst, locale: "vi",
        given: &[("Thị Hương","huong"),("Văn Dũng","dung"),("Minh Châu","chau"),("Quốc Bảo","bao")],
        family: &[("Nguyễn","nguyen"),("Trần","tran"),("Đặng","dang"),("Phạm","pham")] },
];

const DEPARTMENTS: [&str; 12] = [
    "Engineering",
    "Operations",
    "Finance",
    "Legal",
    "Sales",
    "Support",
    "Research",
    "Design",
    "People",
    "Security",
    "Marketing",
    "Facilities",
];

const CITIES: [&str; 10] = [
    "Kraków",
    "Lisboa",
    "Zürich",
    "Αθήνα",
    "東京",
    "Toronto",
    "São Paulo",
    "Nairobi",
    "Київ",
    "Melbourne",
];

const TITLES: [&str; 8] = [
    "Engineer",
    "Senior engineer",
    "Analyst",
    "Lead",
    "Coordinator",
    "Specialist",
    "Manager",
    "Intern",
];

/// Where people work: the departments groups are made of.
#[must_use]
pub const fn departments() -> &'static [&'static str] {
    &DEPARTMENTS
}

/// Where people sit.
#[must_use]
pub const fn cities() -> &'static [&'static str] {
    &CITIES
}

/// Makes one person after the other, no two with the same username.
pub struct People {
    dice: Dice,
    taken: HashMap<String, u32>,
}

impl People {
    /// Starts at a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            taken: HashMap::new(),
        }
    }

    /// The next person, as a source would describe them.
    #[must_use]
    pub fn next_person(&mut self) -> Attributes {
        let dice = &mut self.dice;
        let (given, family, order, locale) = match dice.pick(CULTURES) {
            Some(culture) => (
                dice.pick(culture.given).copied().unwrap_or(("Ada", "ada")),
                dice.pick(culture.family)
                    .copied()
                    .unwrap_or(("Marsh", "marsh")),
                culture.order,
                culture.locale,
            ),
            None => (("Ada", "ada"), ("Marsh", "marsh"), Order::GivenFirst, "en"),
        };
        let stem = format!("{}.{}", given.1, family.1);
        let seen = self.taken.entry(stem.clone()).or_default();
        *seen += 1;
        let username = if *seen == 1 {
            stem
        } else {
            format!("{stem}{seen}")
        };
        let display_name = match order {
            Order::GivenFirst => format!("{} {}", given.0, family.0),
            Order::FamilyFirst => format!("{} {}", family.0, given.0),
            Order::FamilyFirstJoined => format!("{}{}", family.0, given.0),
        };
        let mut put = Attributes::new();
        let mut set = |name: &str, value: &str| put.insert(name.to_owned(), value.to_owned());
        set("email", &format!("{username}@corporate.example"));
        set("username", &username);
        set("display_name", &display_name);
        set("given_name", given.0);
        set("family_name", family.0);
        set("locale", locale);
        for (name, choices) in [
            ("department", &DEPARTMENTS[..]),
            ("city", &CITIES[..]),
            ("title", &TITLES[..]),
        ] {
            set(name, dice.pick(choices).copied().unwrap_or_default());
        }
        put
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ten_thousand_people_have_ten_thousand_usernames_and_the_same_ones_every_time() {
        let names = |seed| {
            let mut people = People::new(seed);
            (0..10_000)
                .map(|_| people.next_person()["username"].clone())
                .collect::<Vec<_>>()
        };
        let first = names(7);
        assert_eq!(first.iter().collect::<HashSet<_>>().len(), 10_000);
        assert_eq!(first, names(7));
        assert_ne!(first, names(8));
        assert!(first.iter().all(|name| name.is_ascii()));
    }

    #[test]
    fn many_scripts_are_among_them() {
        let mut people = People::new(1);
        let all: String = (0..500)
            .map(|_| people.next_person()["display_name"].clone())
            .collect();
        for script in ['Μ', 'ל', 'ل', '王', '김', 'ი', 'श', 'Ш'] {
            assert!(all.contains(script), "{script}");
        }
    }
}
