import { Lobby } from "./lobby";

// biome-ignore lint/style/noDefaultExport: Next looks for it.
export default function Page() {
  return (
    <main>
      <h1>Lobby</h1>
      <Lobby />
    </main>
  );
}
