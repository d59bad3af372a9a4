# Keeps kerning between ASCII characters, where it is at least 1 % of the size.
import sys
from fontTools.ttLib import TTFont
source, target = sys.argv[1:]
font = TTFont(source)
characters = {name: code for code, name in font.getBestCmap().items()}
least = font["head"].unitsPerEm / 100
def is_ascii(name): return characters.get(name, 0xFFFF) < 0x7F
for lookup in font["GPOS"].table.LookupList.Lookup:
    for table in lookup.SubTable:
        table = getattr(table, "ExtSubTable", table)
        if table.LookupType != 2 or table.Format != 1: continue
        first, sets = [], []
        for name, pairs in zip(table.Coverage.glyphs, table.PairSet):
            pairs.PairValueRecord = [pair for pair in pairs.PairValueRecord
                if is_ascii(name) and is_ascii(pair.SecondGlyph) and abs(pair.Value1.XAdvance) >= least]
            pairs.PairValueCount = len(pairs.PairValueRecord)
            if pairs.PairValueCount: first.append(name); sets.append(pairs)
        table.Coverage.glyphs, table.PairSet, table.PairSetCount = first, sets, len(sets)
font.flavor = "woff2"
font.save(target)
