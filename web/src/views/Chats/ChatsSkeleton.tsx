import "./Chats.css";

/** Rows in the shape of conversations. */
export function ChatsSkeleton() {
  return (
    <div className="chats-skeleton" aria-hidden>
      {[62, 48, 70, 40, 55, 66, 44, 58].map((width) => (
        <div key={width} className="chats-skeleton__row">
          <span className="skeleton chats-skeleton__avatar" />
          <span className="chats-skeleton__lines">
            <span className="skeleton" style={{ width: `${width}%` }} />
            <span className="skeleton" style={{ width: `${width + 20}%` }} />
          </span>
        </div>
      ))}
    </div>
  );
}
