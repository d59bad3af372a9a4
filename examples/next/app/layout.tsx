import type { ReactNode } from "react";

export const metadata = { title: "Holdfast in Next" };

// biome-ignore lint/style/noDefaultExport: Next looks for it.
export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
