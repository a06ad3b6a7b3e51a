export function MenuIcon() {
  return (
    <Icon>
      <path d="M2 4h.01M5.5 4H14M2 8h.01M5.5 8H14M2 12h.01M5.5 12H14" />
    </Icon>
  );
}

export function LinkIcon() {
  return (
    <Icon>
      <path d="M6.5 9.5l3-3M7.5 4.5l1.2-1.2a2.8 2.8 0 0 1 4 4L11.5 8.5M8.5 11.5l-1.2 1.2a2.8 2.8 0 0 1-4-4L4.5 7.5" />
    </Icon>
  );
}

export function LinkedIcon() {
  return (
    <Icon>
      <path d="M3 8.5l3.5 3.5L13 4.5" />
    </Icon>
  );
}

function Icon({ children }) {
  return (
    <svg className="graphiql-toolbar-icon" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}
