/**
 * How Chinese names are read, without a dictionary: the browser sorts characters by their pinyin (ICU's collation of the
 * same name), so the first character of each syllable in that order says where the syllable begins. Tones are left out,
 * and ü is written u.
 */

/** The first character of each syllable, in the order of the collation, each followed by its syllable. */
const FIRST =
  "吖a哎ai安an肮ang凹ao丷ba挀bai扳ban邦bang勹bao卑bei奔ben伻beng屄bi边bian灬biao憋bie汃bin冫bing癶bo峬bu嚓ca偲cai参can仓cang撡cao冊ce" +
  "嵾cen曽ceng叉cha拆chai辿chan伥chang抄chao车che抻chen阷cheng吃chi充chong抽chou出chu歘chua揣chuai巛chuan刅chuang吹chui旾chun" +
  "逴chuo呲ci匆cong凑cou粗cu汆cuan崔cui邨cun搓cuo咑da呆dai丹dan当dang刀dao嘚de扥den灯deng氐di嗲dia敁dian刁diao爹die丁ding丟diu东dong" +
  "吺dou厾du耑duan垖dui吨dun多duo妸e诶ei奀en鞥eng儿er发fa帆fan匚fang飞fei分fen丰feng仏fo紑fou夫fu旮ga侅gai甘gan冈gang皋gao戈ge给gei" +
  "根gen刯geng工gong勾gou估gu瓜gua乖guai关guan光guang归gui丨gun呙guo哈ha咍hai佄han夯hang茠hao诃he黒hei拫hen亨heng叿hong齁hou乎hu" +
  "花hua怀huai欢huan巟huang灰hui昏hun吙huo丌ji加jia戋jian江jiang艽jiao阶jie巾jin坕jing冂jiong丩jiu凥ju姢juan噘jue军jun咔ka开kai" +
  "刊kan忼kang尻kao匼ke肎ken劥keng空kong抠kou扝ku夸kua蒯kuai宽kuan匡kuang亏kui坤kun扩kuo垃la来lai兰lan啷lang捞lao仂le雷lei崚leng哩li" +
  "俩lia奁lian良liang撩liao毟lie拎lin〇ling溜liu龙long瞜lou噜lu娈luan掠lue抡lun啰luo呣m妈ma埋mai嫚man牤mang猫mao嚒me坆mei椚men擝meng" +
  "咪mi宀mian喵miao乜mie民min名ming谬miu摸mo哞mou毪mu拏na腉nai囡nan囔nang孬nao疒ne娞nei恁nen能neng嗯ng妮ni拈nian娘niang鸟niao捏nie" +
  "囜nin宁ning妞niu农nong羺nou奴nu奻nuan疟nue挪nuo喔o讴ou妑pa拍pai眅pan乓pang抛pao呸pei喷pen匉peng丕pi囨pian剽piao氕pie姘pin乒ping" +
  "钋po剖pou仆pu七qi掐qia千qian呛qiang悄qiao苆qie亲qin靑qing卭qiong丘qiu区qu奍quan炔que夋qun呥ran穣rang娆rao惹re人ren扔reng日ri" +
  "戎rong厹rou邚ru堧ruan桵rui瞤run捼ruo仨sa毢sai三san桒sang掻sao閪se森sen僧seng杀sha筛shai山shan伤shang弰shao奢she申shen升sheng" +
  "尸shi収shou书shu刷shua衰shuai闩shuan双shuang脽shui吮shun说shuo厶si忪song凁sou苏su狻suan夊sui孙sun唆suo他ta囼tai坍tan汤tang夲tao" +
  "忑te熥teng剔ti天tian旫tiao帖tie厅ting囲tong偷tou凸tu湍tuan推tui吞tun乇tuo屲wa歪wai弯wan尢wang危wei昷wen翁weng挝wo乌wu夕xi呷xia" +
  "仙xian乡xiang灱xiao些xie心xin星xing凶xiong休xiu吁xu吅xuan削xue坃xun丫ya恹yan央yang幺yao倻ye一yi囙yin应ying哟yo佣yong优you込yu" +
  "囦yuan曰yue晕yun帀za災zai兂zan匨zang傮zao则ze贼zei怎zen囎zeng扎zha夈zhai枬zhan张zhang佋zhao蜇zhe贞zhen凧zheng之zhi中zhong州zhou" +
  "朱zhu抓zhua跩zhuai专zhuan妆zhuang隹zhui宒zhun拙zhuo孜zi宗zong邹zou租zu钻zuan厜zui尊zun嘬zuo";

/** Readings that characters have as a surname, where the usual one differs. */
const SURNAMES: Readonly<Record<string, string>> = {
  单: "shan",
  仇: "qiu",
  解: "xie",
  曾: "zeng",
  查: "zha",
  盖: "ge",
  朴: "piao",
  区: "ou",
  翟: "zhai",
  任: "ren",
  尉: "wei",
  乐: "yue",
};

interface Syllables {
  collator: Intl.Collator;
  characters: readonly string[];
  syllables: readonly string[];
}

let prepared: Syllables | null | undefined;

/** Absent where the browser's ICU has no collation by pinyin. */
function syllables(): Syllables | null {
  if (prepared === undefined) {
    const collator = new Intl.Collator("zh-Hans-u-co-pinyin");
    const pairs = [...FIRST.matchAll(/(\p{Script=Han})([a-z]+)/gu)];
    const sorts =
      collator.compare("阿", "八") < 0 && collator.compare("八", "匝") < 0 && collator.compare("张", "李") > 0;
    prepared = sorts
      ? {
          collator,
          characters: pairs.map((pair) => pair[1] ?? ""),
          syllables: pairs.map((pair) => pair[2] ?? ""),
        }
      : null;
  }
  return prepared;
}

const known = new Map<string, string | undefined>();
const KNOWN_LIMIT = 5000;

/** The syllable of one character, `zhang` for 张; nothing for what is not Han. */
export function syllableOf(character: string): string | undefined {
  if (known.has(character)) return known.get(character);
  if (known.size >= KNOWN_LIMIT) known.clear();
  const found = /^\p{Script=Han}$/u.test(character) ? search(character) : undefined;
  known.set(character, found);
  return found;
}

function search(character: string): string | undefined {
  const table = syllables();
  if (table === null) return undefined;
  let low = 0;
  let high = table.characters.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (table.collator.compare(table.characters[middle] ?? "", character) <= 0) low = middle;
    else high = middle - 1;
  }
  return table.syllables[low];
}

/** The syllables of a name, one for each Han character; other words stay as they are. `陈 Bo` is `["chen", "bo"]`. */
export function readingOf(name: string): string[] {
  const words: string[] = [];
  let word = "";
  for (const [index, character] of [...name].entries()) {
    const syllable = (index === 0 ? SURNAMES[character] : undefined) ?? syllableOf(character);
    if (syllable !== undefined || !/[\p{L}\p{N}\p{M}]/u.test(character)) {
      if (word !== "") words.push(word);
      word = "";
      if (syllable !== undefined) words.push(syllable);
    } else word += character.toLowerCase();
  }
  if (word !== "") words.push(word);
  return words;
}

/** The letter under which a name stands in an index: A to Z, or # for all others. */
export function indexLetter(name: string): string {
  const first = readingOf(name)[0] ?? "";
  const letter = first.normalize("NFKD").charAt(0).toUpperCase();
  return /^[A-Z]$/.test(letter) ? letter : "#";
}
