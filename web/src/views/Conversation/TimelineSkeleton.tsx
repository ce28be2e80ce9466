import "./Conversation.css";

/** Bubbles on their way. */
export function TimelineSkeleton() {
  return (
    <div className="timeline-skeleton" aria-hidden>
      {[38, 52, 30, 46, 58, 34].map((width, index) => (
        <span
          key={width}
          className="skeleton"
          data-own={index % 3 === 2}
          style={{ width: `${width}%`, height: index % 2 === 0 ? "2.4rem" : "3.8rem" }}
        />
      ))}
    </div>
  );
}
