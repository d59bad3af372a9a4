/** The 200 symbols of the generated feed. None is of a real company. Runs in the page, too. */

export interface SymbolName {
  readonly symbol: string;
  readonly name: string;
}

// No two of either begin with the same two letters.
const places = [
  ...["Amber", "Anchor", "Baltic", "Brine", "Coral", "Curlew", "Dogger", "Fisher", "Gannet", "Gulf"],
  ...["Harbour", "Kelp", "Limpet", "Marram", "North", "Otter", "Pelican", "Salt", "Tidal", "Wind"],
];
const trades = ["Buoys", "Charts", "Docks", "Ferries", "Lamps", "Nets", "Ropes", "Sails", "Tides", "Works"];

export const symbolNames: readonly SymbolName[] = places.flatMap((place) =>
  trades.map((trade) => ({
    symbol: (place.slice(0, 2) + trade.slice(0, 2)).toUpperCase(),
    name: `${place} ${trade}`,
  })),
);
