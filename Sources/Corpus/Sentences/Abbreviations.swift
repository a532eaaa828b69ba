/// English words whose period need not end a sentence, in lower case.
enum Abbreviations {
  /// Followed by a name or an explanation: never the end.
  static let beforeNames: Set<String> = [
    "mr", "mrs", "ms", "messrs", "mme", "mlle", "dr", "drs", "prof", "rev", "hon", "pres", "gov", "sen",
    "rep",
    "gen", "col", "lt", "lieut", "maj", "capt", "cmdr", "adm", "sgt", "cpl", "pvt", "brig", "supt", "insp",
    "e.g", "i.e", "viz", "cf", "vs", "ex", "mt", "ft",
  ]

  /// Followed by a number: the end before anything else.
  static let beforeNumbers: Set<String> = [
    "no", "nos", "nr", "vol", "vols", "p", "pp", "fig", "figs", "sec", "sect", "art", "ch", "chap", "eq",
    "ca",
    "c", "v", "approx", "op", "par", "ver", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept",
    "oct", "nov", "dec",
  ]

  /// May end a sentence: only what follows tells.
  static let anywhere: Set<String> = [
    "st", "jr", "sr", "inc", "ltd", "co", "corp", "bros", "etc", "al", "est", "dept", "univ", "assn", "ave",
    "blvd", "rd", "vol", "vols", "fig", "figs", "sec", "ed", "eds", "jan", "feb", "mar", "apr", "jun", "jul",
    "aug", "sep", "sept", "oct", "nov", "dec", "wm", "chas", "geo", "jas", "thos", "ala", "ariz", "ark",
    "calif", "colo", "conn", "del", "fla", "ga", "ill", "ind", "kan", "ky", "la", "md", "mich", "minn",
    "miss",
    "mo", "mont", "neb", "nev", "okla", "ore", "pa", "tenn", "tex", "va", "vt", "wash", "wis",
  ]

  /// Words that begin sentences.
  static let starters: Set<String> = [
    "a", "after", "all", "also", "although", "an", "and", "another", "any", "as", "at", "because", "before",
    "both", "but", "by", "despite", "during", "each", "even", "following", "for", "from", "had", "has", "he",
    "her", "his", "how", "however", "i", "if", "in", "initially", "instead", "is", "it", "its", "later",
    "many",
    "meanwhile", "more", "most", "my", "not", "now", "of", "on", "once", "one", "only", "or", "other", "our",
    "perhaps", "several", "she", "since", "so", "some", "such", "that", "the", "their", "then", "there",
    "therefore", "these", "they", "this", "those", "though", "through", "thus", "to", "two", "under",
    "unlike",
    "until", "upon", "was", "we", "what", "when", "where", "whether", "which", "while", "who", "why", "with",
    "yes", "yet", "you", "your",
  ]
}
