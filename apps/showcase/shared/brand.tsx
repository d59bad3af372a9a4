/** The name with its mark: a holdfast, the root by which kelp keeps its place in the surf. */
export function Brand({ page }: { page: string }) {
  return (
    <a class="brand" href="../" title="All pages">
      <svg class="brand-mark" viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 2v8" />
        <path d="M12 10c0 5-7 4-7 9.5" />
        <path d="M12 10c0 5 7 4 7 9.5" />
        <path d="M12 10v9.5" />
        <path d="M2 21.5h20" />
      </svg>
      <span class="brand-name">Holdfast</span>
      <span class="brand-page">{page}</span>
    </a>
  );
}
