/** The product's mark. */
export function Logo({ className }: { className?: string }) {
  return (
    <svg className={className} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="9" fill="var(--accent)" />
      <path
        fill="var(--on-accent)"
        d="M9.5 8.5h13a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-6l-4.6 3.7a.8.8 0 0 1-1.3-.6v-3.1h-1.1a3 3 0 0 1-3-3v-7a3 3 0 0 1 3-3z"
      />
      <circle cx="12.5" cy="15" r="1.7" fill="var(--accent)" />
      <circle cx="19.5" cy="15" r="1.7" fill="var(--accent)" />
    </svg>
  );
}
