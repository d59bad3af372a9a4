/** How a program sends one: the line to copy. */
import { useState } from "preact/hooks";
import { basePathOf } from "../../shared/base-path.js";

export function CurlPanel({ user }: { user: string }) {
  const [said, setSaid] = useState("");
  const body = JSON.stringify({
    channel: `notices:${user}`,
    data: { title: "Build", text: "All tests pass", from: "CI" },
  });
  const line = `curl -H "X-API-Key: $KEY" -d '${body}' ${location.origin}${basePathOf()}api/publish`;
  const copy = async () => {
    const isCopied = await navigator.clipboard?.writeText(line).then(
      () => true,
      () => false,
    );
    setSaid(isCopied ? "Copied." : "Not copied: this browser does not allow it. Select the line instead.");
  };
  return (
    <section class="panel" aria-labelledby="curl-heading">
      <h2 id="curl-heading" class="panel-heading">
        From a program
      </h2>
      <p class="soft small">
        Your channel is <code data-testid="channel">notices:{user}</code>. A program with an API key can
        publish to it:
      </p>
      <pre class="curl">
        <code data-testid="curl">{line}</code>
      </pre>
      <div class="send-foot">
        <button type="button" class="button small" onClick={() => void copy()}>
          Copy
        </button>
        <span class="small" role="status">
          {said}
        </span>
      </div>
      <p class="soft small">
        {/* It may be broken at the hyphen, where a phone is narrow. */}
        The key is <code>moderatorKey</code> in{" "}
        <code>
          showcase-
          <wbr />
          keys.json
        </code>{" "}
        in the server’s data folder. A server that keeps all in memory says where when it starts; one that was
        started with <code>--api-keys</code> takes that.
      </p>
    </section>
  );
}
